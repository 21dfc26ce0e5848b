internal import StoreHistory
internal import StoreTestSupport
internal import Testing

@Suite("Checker against histories made by hand")
struct CheckerTests {
  @Test("what a correct store can do is no anomaly", arguments: goodStories + goodWholeModelStories)
  func good(story: Story) {
    #expect(Checker().check(story.history) == [])
  }

  @Test("an anomaly is found, and called by its name alone", arguments: badStories + badWholeModelStories)
  func bad(story: Story) {
    let kinds = Checker().check(story.history).map(\.kind)
    #expect(Set(kinds) == Set(story.kinds))
  }

  /// A sequence of changes tells of everything, so stories about one cannot have strangers beside them.
  private static let stories = (badStories + badWholeModelStories).filter { story in
    !story.operations.contains { $0.verb == .changes }
  }

  @Test("an anomaly is found among everything else", arguments: stories)
  func crowded(story: Story) {
    // Other containers, other sessions, other times.
    let plan = Simulation.Plan(operations: 300, objects: 4, workers: 4)
    let others = Simulation(plan, random: SeededGenerator(seed: 5)).history.operations.map { Self.moved($0) }
    // Lists without a scope are about the story's containers too.
    let operations = others.filter { !$0.verb.isList && $0.verb != .changes } + story.operations
    let kinds = Checker().check(History(operations, lives: story.lives)).map(\.kind)
    #expect(Set(kinds) == Set(story.kinds))
  }

  /// The same operation about other objects, by another session, with other values and generations.
  private static func moved(_ operation: Operation) -> Operation {
    func moved(_ version: Version) -> Version {
      Version(
        generation: version.generation + 1_000, revision: version.revision, value: version.value + 1_000_000)
    }
    var operation = operation
    operation.session += 1_000
    operation.accesses = operation.accesses.map { access in
      var access = access
      access.object += 1_000
      access.value = access.value.map { $0 + 1_000_000 }
      access.written = access.written.map(moved)
      guard var section = access.section else { return access }
      section.base = section.base.map(moved)
      if section.found != 0 { section.found += 1_000 }
      access.section = section
      return access
    }
    guard case .succeeded(let seen) = operation.outcome else { return operation }
    operation.outcome = .succeeded(
      seen.map { one in
        switch one.sight {
        case .version(let version): Seen(object: one.object + 1_000, version: moved(version))
        case .value(let value): Seen(object: one.object + 1_000, value: value + 1_000_000)
        default: Seen(object: one.object + 1_000, one.sight)
        }
      })
    return operation
  }

  @Test("every kind of anomaly has a history made by hand")
  func everyKind() {
    let missing = Set(Anomaly.Kind.allCases).subtracting((badStories + badWholeModelStories).flatMap(\.kinds))
    #expect(missing == [.badHistory])
    let twice = [
      Operation(session: 1, .update, began: 1, ended: 2, accesses: [Access(object: 1, value: 5)]),
      Operation(session: 2, .update, began: 3, ended: 4, accesses: [Access(object: 1, value: 5)]),
    ]
    #expect(Checker().check(History(twice)).map(\.kind) == [.badHistory])
  }
}
