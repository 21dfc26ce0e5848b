internal import StoreHistory
internal import StoreTestSupport
internal import Testing

@Suite("Reduction and drawing")
struct ReductionTests {
  @Test(
    "an anomaly is reduced to a few operations that show it",
    arguments: Simulation.Bug.allCases.filter { !$0.isOfChanges })
  func simulated(bug: Simulation.Bug) throws {
    let simulation = Simulation(
      Simulation.Plan(operations: 1_500, bug: bug), random: SeededGenerator(seed: 11))
    let anomaly = try #require(Checker().check(simulation.history).first)
    let reduction = Reduction(anomaly, of: simulation.history)
    #expect(reduction.isReproduced)
    #expect(reduction.anomaly.kind == anomaly.kind)
    let count = reduction.history.operations.count
    #expect(count >= anomaly.operations.count && count <= 12)
    // Nothing can be left out but what the anomaly names.
    for index in reduction.history.operations.indices where !reduction.anomaly.operations.contains(index) {
      var fewer = reduction.history
      fewer.operations.remove(at: index)
      let named = reduction.anomaly.operations.map { reduction.history.operations[$0] }
      let found = Checker().check(fewer).filter { found in
        found.kind == anomaly.kind && found.operations.map { fewer.operations[$0] } == named
      }
      #expect(found.isEmpty)
    }
  }

  @Test("every anomaly can be reduced and drawn", arguments: badStories + badWholeModelStories)
  func drawn(story: Story) throws {
    let anomaly = try #require(Checker().check(story.history).first)
    let reduction = Reduction(anomaly, of: story.history)
    #expect(Set(reduction.anomaly.operations).isSubset(of: Set(reduction.history.operations.indices)))
    #expect(reduction.history.operations.count <= story.operations.count)
    let svg = HistoryDrawing(reduction.history, reduction.anomaly).text
    for operation in reduction.history.operations { #expect(svg.contains("session \(operation.session)")) }
    #expect(svg.contains(anomaly.kind.rawValue) && svg.hasSuffix("</svg>\n"))
    for dependency in reduction.anomaly.dependencies { #expect(svg.contains("\(dependency.reason)")) }
  }
}
