@testable import SQLiteStorage
internal import Testing

@Suite("Waiting for foreign programs")
struct BusyWaitTests {
  @Test("a read that once waited until it gave up waits again the next time")
  func readsWaitEachTime() {
    var state = CallbackState(waitMilliseconds: 2)
    for _ in 0..<2 {
      var attempt: Int32 = 0
      while state.pauseForOthers(attempt: attempt) { attempt += 1 }
      #expect(attempt > 0)
    }
  }

  @Test("L-5: the waits of one write end together, at its deadline")
  func writesHaveOneDeadline() {
    var state = CallbackState(waitMilliseconds: 60_000)
    state.deadlineNanoseconds = 1
    let waits = [state.pauseForOthers(attempt: 0), state.pauseForOthers(attempt: 1)]
    #expect(waits == [false, false])
  }
}
