internal import StateModel
internal import Testing

@Suite("Status and state")
struct StatusTests {
  /// Rows are what a status is, columns what it may become, in the order of `allCases`.
  static let table = [
    //  cfg crt run psd spg std ext rmv unk
    "configured x x . . . . . x x",
    "created    x x x . . x x x x",
    "running    . . x x x x x x x",
    "paused     . . x x x x x x x",
    "stopping   . . x . x x x x x",
    "stopped    x x . . . x x x x",
    "exited     x x . . . . x x x",
    "removing   . . . . . . . x x",
    "unknown    x x x x x x x x x",
  ]

  @Test("I-4: the table of transitions, every pair of it")
  func transitions() throws {
    #expect(Self.table.count == ContainerStatus.allCases.count)
    for (from, row) in zip(ContainerStatus.allCases, Self.table) {
      let cells = row.split(separator: " ")
      #expect(cells[0] == from.name)
      for (to, cell) in zip(ContainerStatus.allCases, cells.dropFirst()) {
        #expect(from.allows(to) == (cell == "x"), "\(from.name) → \(to.name)")
        var (old, new) = (ContainerState(status: from), ContainerState(status: to))
        (old.exitCode, new.exitCode) = (1, 2)
        let id = try ContainerID("abc")
        if cell == "x" {
          try new.check(replacing: old, of: id)
        } else {
          let error = #expect(throws: StoreError.self) { try new.check(replacing: old, of: id) }
          #expect(error?.code == .invalidTransition)
          #expect(error?.candidates == [from.name, to.name])
        }
      }
    }
  }

  @Test("names and raw values lead back to their status, and no other text does")
  func names() {
    for status in ContainerStatus.allCases {
      #expect(ContainerStatus(name: status.name) == status)
      #expect(ContainerStatus(rawValue: status.rawValue) == status)
    }
    #expect(ContainerStatus.allCases.map(\.rawValue) == Array(1...9))
    for text in ["", "Running", "running ", "up"] { #expect(ContainerStatus(name: text) == nil) }
  }

  @Test("the statuses after a reboot are ones that a reboot leaves alone")
  func reboot() {
    for status in ContainerStatus.allCases {
      #expect(status.afterReboot.afterReboot == status.afterReboot)
      #expect(!status.afterReboot.hasProcess)
      let once = ContainerState(status: status).afterReboot()
      #expect(once.afterReboot() == once)
    }
  }

  @Test("fencing tokens are ordered by boot, then by the clock since it")
  func tokens() {
    let tokens = [(1, 5), (1, 6), (2, 1), (2, 2), (10, 0)].map {
      FencingToken(bootEpoch: $0.0, bootTimeNanoseconds: $0.1)
    }
    #expect(tokens.shuffled().sorted() == tokens)
    #expect(tokens[0].description == "1.5")
  }

  @Test("an error says operation, subject, message and cause in one line, and keeps its first operation")
  func errors() throws {
    let error = StoreError(.io, subject: "/a", message: "failed", cause: "EIO").during("open store")
    #expect(error.description == "open store /a: failed (EIO)")
    #expect(error.during("other").operation == "open store")
    #expect(StoreError.emptyID().description == "an id or name is needed and none was given")
    let holder = LockHolder(
      pid: 4711, startTime: 1, command: "cstate", operation: "start", ageNanoseconds: 1_200_000_000)
    #expect(holder.description == "pid 4711 (cstate, start, for 1.2 s)")
    let hidden = LockHolder(pid: 0, startTime: 0, command: "", operation: "", ageNanoseconds: nil)
    #expect(hidden.description == "a process outside this pid namespace")
    let timeout = StoreError.lockTimeout("abc", holder: holder, waitedNanoseconds: 50_000_000)
    #expect(timeout.message.contains("after waiting 50.0 ms"))
  }
}
