internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Backup and restoration")
struct BackupTests {
  let fixture: StoreFixture
  let other: StoreFixture

  init() throws {
    fixture = try StoreFixture()
    other = try StoreFixture()
  }

  private var backup: String { fixture.directory.path("backup") }

  /// Makes a backup of a store with these containers.
  private func makeBackup(of ids: String...) throws {
    let store = try fixture.open()
    for id in ids { try store.add(id) }
    try store.backUp(to: backup)
    try store.close()
  }

  @Test("what was backed up is there after a restoration, byte for byte, and the rest of the store with it")
  func roundTrip() throws {
    let store = try fixture.open()
    let id = try store.add("abc", labels: ["a": "b"])
    try store.add("def", dependingOn: ["abc"])
    try store.change(id) { $0.status = .created }
    let made = try store.backUp(to: backup)
    #expect(made.path == backup && made.sizeBytes == UInt64(status(ofPath: backup)?.st_size ?? 0))
    #expect(status(ofPath: backup).map { $0.st_mode & 0o7777 } == 0o600)
    try store.change(id) { $0.status = .running }

    let report = try StateStore.restore(from: backup, to: other.location)
    #expect(report.containerCount == 2 && !report.hasReplaced && report.violations.isEmpty)
    let restored = try other.open()
    #expect(try restored.container(id).status == .created)
    #expect(try restored.container(id).configuration == store.container(id).configuration)
    #expect(try restored.specification(of: id) == sampleSpecification)
    #expect(expectError(.inUse) { try restored.remove(id) }?.candidates == ["def"])
    try expectClean(restored)
    #expect(entries(ofDirectory: fixture.directory.path).filter { $0.hasSuffix(".partial") }.isEmpty)
  }

  @Test("a backup is one snapshot, whatever is committed meanwhile")
  func oneSnapshot() throws {
    let store = try fixture.open()
    for id in ["a", "b"] { try store.add(id) }
    let writer = try fixture.child()
    try writer.succeed("open")
    try writer.send("cycle 200 c whole")
    for round in 0..<scaled(5) {
      let path = fixture.directory.path("backup-\(round)")
      try store.backUp(to: path)
      let place = try StoreFixture()
      try StateStore.restore(from: path, to: place.location)
      let restored = try place.open()
      try expectClean(restored)
      try restored.close()
    }
    _ = try writer.line(within: .seconds(60))
  }

  @Test("a backup replaces nothing unless it is told to, and never the store's own files")
  func names() throws {
    let store = try fixture.open()
    try write("kept", toPath: backup)
    expectError(.alreadyExists) { try store.backUp(to: backup) }
    #expect(try readText(atPath: backup) == "kept")
    try store.backUp(to: backup, replacing: true)
    for suffix in ["", "-wal", "-shm"] {
      expectError(.invalidArgument) { try store.backUp(to: fixture.databasePath + suffix, replacing: true) }
    }
    for path in ["", fixture.root, fixture.root + "/", fixture.directory.path("no/such"), "a\0b"] {
      expectError(.invalidArgument, path) { try store.backUp(to: path) }
    }
    try store.close()
    expectError(.closed) { try store.backUp(to: backup, replacing: true) }
  }

  @Test("what is cut off, foreign or damaged is refused by its own code, and the store that is there stays")
  func refused() throws {
    try makeBackup(of: "abc")
    let present = try other.open()
    try present.add("present")
    try present.close()
    let bytes = try readBytes(atPath: backup)
    func expectRefused(_ code: StoreError.Code, _ change: ([UInt8]) -> [UInt8], _ what: String) throws {
      let path = fixture.directory.path("changed")
      try write(change(bytes), toPath: path)
      expectError(code, what) {
        try StateStore.restore(from: path, to: other.location, replacing: true)
      }
      let store = try other.open()
      #expect(try store.containers().map(\.id.rawValue) == ["present"], "\(what)")
      try store.close()
    }
    try expectRefused(.corrupt, { Array($0.dropLast(4096)) }, "a page short")
    try expectRefused(.corrupt, { Array($0.dropLast()) }, "a byte short")
    try expectRefused(.corrupt, { $0 + $0.prefix(4096) }, "a page more")
    try expectRefused(.notDatabase, { Array($0.prefix(50)) }, "half a header")
    try expectRefused(.notDatabase, { _ in [] }, "empty")
    try expectRefused(.notDatabase, { $0.replacing(68, with: [0, 0, 0, 7]) }, "another application")
    try expectRefused(.schemaTooNew, { $0.replacing(60, with: [0, 0, 3, 0]) }, "a newer schema")
    try expectRefused(
      .corrupt, { bytes in bytes.replacing(4096, with: Array(repeating: 0xEE, count: bytes.count / 2)) },
      "overwritten pages")
    #expect(entries(ofDirectory: other.root).filter { $0.contains("restoring") }.isEmpty)
  }

  @Test("a store or a backup that somebody has open is refused, and so is a backup beside a WAL")
  func inUse() throws {
    try makeBackup(of: "abc")
    let holder = try other.child()
    try holder.succeed("open")
    expectError(.inUse) { try StateStore.restore(from: backup, to: other.location, replacing: true) }
    try holder.succeed("add present present")
    try holder.succeed("close")
    let own = try other.open()
    expectError(.inUse) { try StateStore.restore(from: backup, to: other.location, replacing: true) }
    #expect(try own.containers().map(\.id.rawValue) == ["present"])
    try own.close()

    let user = try fixture.child()
    try user.succeed("open")
    expectError(.inUse) {
      try StateStore.restore(from: fixture.databasePath, to: other.location, replacing: true)
    }
    try write("frames", toPath: backup + "-wal")
    expectError(.inUse) { try StateStore.restore(from: backup, to: other.location, replacing: true) }
    unlink(backup + "-wal")
    #expect(try StateStore.restore(from: backup, to: other.location, replacing: true).hasReplaced)
    let restored = try other.open()
    #expect(try restored.containers().map(\.id.rawValue) == ["abc"])
    // The lockfile and the copy of what the replaced store held.
    _ = try restored.recover()
    try expectClean(restored)
  }

  @Test("a restored store has nothing of the WAL of the one it replaced")
  func staleWAL() throws {
    try makeBackup(of: "abc")
    let victim = try other.child()
    try victim.succeed("open")
    for index in 0..<20 { try victim.succeed("add id\(index) name\(index)") }
    victim.signal(SIGKILL)
    _ = try victim.waitForExit()
    #expect((status(ofPath: other.databasePath + "-wal")?.st_size ?? 0) > 0)
    try StateStore.restore(from: backup, to: other.location, replacing: true)
    let restored = try other.open()
    #expect(try restored.containers().map(\.id.rawValue) == ["abc"])
    _ = try restored.recover()
    try expectClean(restored)
  }

  @Test("I-11: after a restoration no sequence comes again that a follower of the store may have seen")
  func sequences() throws {
    try makeBackup(of: "abc")
    let store = try fixture.open()
    for _ in 0..<5 { try store.change(try ContainerID("abc")) { $0.restartCount += 1 } }
    try store.close()
    let seen = try fixture.shell("SELECT max(sequence) FROM change;")
    try StateStore.restore(from: backup, to: fixture.location, replacing: true)
    let newest = try fixture.shell("SELECT max(sequence) FROM change;")
    #expect(Int(newest.dropLast()) ?? 0 > Int(seen.dropLast()) ?? Int.max)
  }

  @Test(
    "killed at any step, a backup is there or not, and a store the old one or the restored one",
    arguments: [
      ("backup", "copy.written"), ("restore", "replace.cleared"), ("restore", "replace.renamed"),
    ])
  func killed(command: String, step: String) throws {
    try makeBackup(of: "abc")
    let present = try other.open()
    try present.add("present")
    try present.close()
    let victim = try ChildProcess(
      executable: "store-test-child", ["store", other.root],
      environment: ["CSTATE_FAILPOINTS": "\(step)=kill@1"])
    try victim.expect("ready")
    let made = fixture.directory.path("made")
    if command == "backup" { try victim.succeed("open") }
    try victim.send(command == "backup" ? "backup \(made)" : "restore \(backup)")
    #expect(try victim.waitForExit() == .signal(SIGKILL))
    #expect(status(ofPath: made) == nil)
    let store = try other.open()
    let expected = step == "replace.renamed" ? "abc" : "present"
    #expect(try store.containers().map(\.id.rawValue) == [expected])
    _ = try store.recover()
    try expectClean(store)
    try store.close()
    try StateStore.restore(from: backup, to: other.location, replacing: true)
    #expect(try other.open().containers().map(\.id.rawValue) == ["abc"])
  }
}

extension [UInt8] {
  /// The same bytes with others from `offset` on.
  fileprivate func replacing(_ offset: Int, with bytes: [UInt8]) -> [UInt8] {
    var changed = self
    changed.replaceSubrange(
      offset..<Swift.min(offset + bytes.count, count), with: bytes.prefix(count - offset))
    return changed
  }
}
