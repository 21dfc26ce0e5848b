@testable internal import ContainerStateStore
internal import SQLiteStorage
internal import Synchronization
internal import Testing

@Suite("The table of kept answers")
struct KeptAnswerTableTests {
  /// Counts those that are alive.
  private final class Life: Sendable {
    private let living: Living
    init(_ living: Living) {
      self.living = living
      living.count.add(1, ordering: .relaxed)
    }
    deinit { living.count.subtract(1, ordering: .relaxed) }
  }

  private final class Living: Sendable {
    let count = Atomic<Int>(0)
    var now: Int { count.load(ordering: .relaxed) }
  }

  private struct Probe: Keepable {
    let life: Life
    let keptBytes = 100
  }

  @Test("answers that are replaced, crowded out or kept to the end are let go, each once")
  func lifetimes() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let id = try store.add("abc")
    let moment = try #require(
      try store.database.readOne { connection in
        _ = try ContainerRows.container(id, in: connection)
        return connection.commitWatch?.moment()
      })
    let living = Living()
    do {
      var table = KeptAnswerTable()
      for round in 0..<2 {
        for number in 0..<Int64(1_000) {
          let probe = Probe(life: Life(living))
          table.insert(KeptValue(probe, of: .row(id, generation: number), moment, bytes: 100))
        }
        var kept = 0
        for number in 0..<Int64(1_000) {
          let question = Question.row(id, generation: number)
          guard let found = table.answer(to: question, hash: question.hash) else { continue }
          #expect(found._withUnsafeGuaranteedRef { $0.question } == question)
          kept += 1
        }
        #expect(kept > 900 && living.now == kept && table.bytes == kept * 100, "round \(round)")
      }
    }
    #expect(living.now == 0)
  }
}
