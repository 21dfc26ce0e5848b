internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// An update writes the columns that it has changed and leaves out others; which of them is no difference to
/// anybody who reads.
@Suite("Columns that an update writes")
struct WrittenColumnTests {
  struct Change: Sendable {
    let name: String
    let make: @Sendable (inout ContainerState, Int32) -> Void
  }

  static let changes = [
    Change(name: "status") { state, number in state.status = number % 2 == 0 ? .running : .paused },
    Change(name: "started") { $0.startedAt = Timestamp(nanosecondsSinceEpoch: Int64($1)) },
    Change(name: "not started") { state, _ in state.startedAt = nil },
    Change(name: "finished") { $0.finishedAt = Timestamp(nanosecondsSinceEpoch: Int64($1)) },
    Change(name: "exit code") { $0.exitCode = $1 % 256 },
    Change(name: "no exit code") { state, _ in state.exitCode = nil },
    Change(name: "killed") { $0.wasKilledForMemory = $1 % 2 == 0 },
    Change(name: "stopped") { $0.wasStoppedByUser = $1 % 2 == 0 },
    Change(name: "pid") { ($0.pid, $0.pidStartTime) = ($1, UInt64.max - UInt64($1)) },
    Change(name: "monitor") { ($0.monitorPID, $0.monitorStartTime) = ($1, UInt64($1)) },
    Change(name: "restarts") { $0.restartCount = $1 },
    Change(name: "configuration path") { $0.configurationPath = "/c\($1)" },
    Change(name: "run directory") { $0.runDirectory = "/r\($1)" },
    Change(name: "mountpoint") { $0.mountpoint = "/m\($1)" },
    Change(name: "no mountpoint") { state, _ in state.mountpoint = "" },
    Change(name: "namespace") { $0.networkNamespacePath = "/n\($1)" },
    Change(name: "health") { $0.health = "good \($1)" },
    Change(name: "error") { $0.errorText = "bad \($1)" },
    Change(name: "as one character") { state, _ in state.errorText = "/caf\u{e9}" },
    Change(name: "as two") { state, _ in state.errorText = "/cafe\u{301}" },
    Change(name: "the same text") { state, _ in state.runDirectory = String(state.runDirectory) },
  ]

  @Test("I-12: whatever of a state an update changes, alone or with something else, is what others read")
  func columns() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let other = try fixture.open()
    let id = try store.add("abc", state: ContainerState(status: .running))
    var expected = ContainerState(status: .running)
    #expect(expected.with { $0.health = "caf\u{e9}" } != expected.with { $0.health = "cafe\u{301}" })
    var number: Int32 = 0
    for first in Self.changes {
      for second in Self.changes {
        number += 1
        try store.withLockedContainer(id, wait: .upTo(.seconds(10))) { locked in
          try locked.update(durability: .committed) { state in
            first.make(&state, number)
            second.make(&state, number)
          }
        }
        first.make(&expected, number)
        second.make(&expected, number)
        let found = try other.container(id)
        #expect(found.state == expected, "\(first.name), \(second.name)")
        #expect(found.stateRevision == Int64(number) + 1)
      }
    }
  }
  @Test("I-12: a batch writes a text of equal characters and other bytes")
  func bytesInBatch() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let id = try store.add("abc", state: ContainerState(status: .running))
    for text in ["/caf\u{e9}", "/cafe\u{301}", "/caf\u{e9}"] {
      try store.withLockedContainers([id], wait: .upTo(.seconds(10))) { locked in
        try locked.update(durability: .committed) { _, state in state.mountpoint = text }
      }
      #expect(Array(try fixture.open().state(of: id).mountpoint.utf8) == Array(text.utf8))
    }
    #expect(try store.container(id).stateRevision == 4)
  }
}

extension ContainerState {
  fileprivate func with(_ change: (inout ContainerState) -> Void) -> ContainerState {
    var changed = self
    change(&changed)
    return changed
  }
}
