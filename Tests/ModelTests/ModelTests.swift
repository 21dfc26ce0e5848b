internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("The store against a reference in memory")
struct ModelTests {
  /// Where a program first came to something else than the reference says; nil where it never did.
  private func divergence(_ program: [Operation]) throws -> String? {
    let reference = Reference()
    let store = try StoreUnderTest()
    for (index, operation) in program.enumerated() {
      let expected = reference.perform(operation)
      let found = try store.perform(operation)
      guard expected.allows(found) else {
        return "operation \(index), \(operation): \(found), expected \(expected)"
      }
    }
    let violations = try store.violations()
    return violations.isEmpty ? nil : "\(violations)"
  }

  @Test(
    "random operations come to what the reference says, results and error codes alike",
    arguments: SeededGenerator.seeds)
  func random(seed: UInt64) throws {
    let count = scaled(2_500)
    let program = Program.random(seed: seed, count: count)
    guard let first = try divergence(program) else { return }
    let smallest = try Shrinking.shrink(program) { try divergence($0) != nil }
    Issue.record(
      """
      seed \(seed): \(first)
      the shortest part of it that fails: \(try divergence(smallest) ?? "none")
      \(smallest.map { "  \($0)" }.joined(separator: "\n"))
      """)
  }

  @Test("what a broken rule makes of a program is found, and shrunk to what matters")
  func shrinking() {
    let program = Program.random(seed: 7, count: 400)
    // A rule that the reference does not have: nothing is removed after two pods were added.
    func fails(_ program: [Operation]) -> Bool {
      var pods = 0
      return program.contains { operation in
        if case .addPod = operation { pods += 1 }
        if case .remove = operation { return pods >= 2 }
        return false
      }
    }
    #expect(fails(program))
    let smallest = Shrinking.shrink(program, fails: fails)
    #expect(smallest.count == 3 && fails(smallest))
  }
}
