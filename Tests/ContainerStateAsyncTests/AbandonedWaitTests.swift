// The queue of waits has no public face.
@testable import ContainerStateAsync
internal import ContainerStateStore
internal import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Testing

extension LockWaitTests {
  @Test("L-16, L-19: waits for other processes' locks that are cancelled or time out leave nothing behind")
  func nothingIsLeft() async throws {
    let ids = try add(3)
    let store = store
    let children = try ids.map { id in
      let child = try ChildProcess(role: "store", [store.location.root])
      for (command, answer) in [("", "ready"), ("open", "ok")] {
        if !command.isEmpty { try child.send(command) }
        try child.expect(answer)
      }
      try child.send("hold \(id)")
      _ = try child.line(within: .seconds(20))
      return child
    }
    let inodes = try ids.map { try #require(status(ofPath: lockFile($0))).st_ino }
    let abandoned = (0..<30).map { number in
      Task { try await store.withLockedContainer(ids[number % 3], wait: .indefinitely) { _ in } }
    }
    let late = (0..<30).map { number in
      Task {
        try await store.withLockedContainer(ids[number % 3], wait: .upTo(.milliseconds(200))) { _ in }
      }
    }
    try await waitUntil("the kernel to be asked for each") {
      inodes.allSatisfy { (try? isAsked(for: $0)) == true }
    }
    for task in late {
      let error = await #expect(throws: StoreError.self) { try await task.value }
      #expect(error?.code == .lockTimeout)
    }
    for task in abandoned { task.cancel() }
    for task in abandoned { await #expect(throws: CancellationError.self) { try await task.value } }
    try await waitUntil("no wait to be queued") { LockQueue.shared.count == 0 }

    for child in children { try child.send("go on") }
    for child in children { #expect(try child.line(within: .seconds(20))?.hasPrefix("ok") == true) }
    for (id, child) in zip(ids, children) {
      // Another process has the lock, and this one asks for it no more.
      try child.send("hold \(id)")
      #expect(try child.line(within: .seconds(20))?.hasPrefix("holding") == true)
    }
    try await waitUntil("the kernel to have no wait of this process") {
      inodes.allSatisfy { (try? isAsked(for: $0)) == false }
    }
    for (id, child) in zip(ids, children) {
      #expect(openDescriptors(of: lockFile(id)) <= 1)
      try child.send("go on")
      #expect(try child.line(within: .seconds(20))?.hasPrefix("ok") == true)
      try child.send("remove \(id)")
      #expect(try child.line(within: .seconds(20))?.hasPrefix("ok") == true)
    }
    #expect(entries(ofDirectory: store.location.lockDirectory).isEmpty)
    // Threads that had nothing to do ended, or are among the few that wait for work.
    #expect(LockTable.shared.threads.count <= WaitThreads.limit)
  }

  private func lockFile(_ id: ContainerID) -> String { "\(store.location.lockDirectory)/\(id).lock" }

  /// Whether this process waits in the kernel for a lock of the file.
  private func isAsked(for inode: ino_t) throws -> Bool {
    try readText(atPath: "/proc/locks").split(separator: "\n").contains { line in
      line.contains(" -> ") && line.contains(":\(inode) ") && line.contains(" \(getpid()) ")
    }
  }

  private func openDescriptors(of path: String) -> Int {
    entries(ofDirectory: "/proc/self/fd").count { number in
      var buffer = [CChar](repeating: 0, count: 4_096)
      let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
      return length > 0
        && String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) == path
    }
  }
}
