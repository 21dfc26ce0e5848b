internal import ContainerStateStore
internal import Glibc
internal import ScratchStorage
internal import StoreTestSupport
internal import Testing

/// A disk of its own, small enough to be filled.
///
/// Only children open a store there, since an open file would keep it from being taken away.
private final class SmallDisk {
  private let directory: TemporaryDirectory
  private let storage: ScratchStorage
  private var fillers: [String] = []

  init(_ kind: StorageKind, megabytes: Int = 24) throws {
    directory = try TemporaryDirectory()
    storage = try ScratchStorage(kind, at: directory.path("storage"), megabytes: megabytes)
  }

  deinit { umount2(storage.path, Int32(MNT_DETACH)) }

  var root: String { storage.path + "/store" }

  func child(_ options: String = "") throws -> ChildProcess {
    let child = try ChildProcess(role: "store", [root])
    try child.expect("ready")
    try child.succeed("open " + options)
    return child
  }

  /// Takes all the space that is left.
  func fill() throws {
    let path = "\(storage.path)/filler-\(fillers.count)"
    fillers.append(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
    defer { close(descriptor) }
    for size in [65_536, 4096, 512] {
      let bytes = [UInt8](repeating: 1, count: size)
      var written = size
      while written == size { written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, size) } }
      guard written >= 0 || errno == ENOSPC else { throw TestSupportError.systemCall("write", path) }
      // What was not written to the disk yet may be refused space by it.
      fsync(descriptor)
    }
  }

  func makeRoom() {
    for filler in fillers { unlink(filler) }
    fillers = []
  }
}

@Suite("a full disk", .serialized)
struct FullDiskTests {
  static let kinds: [StorageKind] = [.tmpfs, .ext4]

  @Test(
    "10: on a full disk reads answer, changes are recorded, and everything can be removed", arguments: kinds)
  func full(kind: StorageKind) throws {
    let disk = try SmallDisk(kind)
    let first = try disk.child()
    let reserved = try first.succeed("reserved")
    #expect(Int(reserved) ?? 0 >= 2 << 20)
    try first.succeed("add-volume v")
    try disk.fill()
    let count = try first.succeed("add-until-full a", within: .seconds(60))
    try disk.fill()
    #expect(try first.succeed("verify") == "[]")
    // Nobody has it open: who comes first makes the WAL's index anew.
    try first.succeed("close")
    try disk.fill()
    let second = try disk.child()
    #expect(try second.succeed("list").split(separator: " ").count == Int(count))
    #expect(try second.succeed("update-all 3", within: .seconds(60)) == count)
    #expect(try second.succeed("recover") == "false")
    try second.succeed("remove-volume v")
    #expect(try second.succeed("remove-all", within: .seconds(120)) == count)
    #expect(try second.succeed("verify") == "[]")
    disk.makeRoom()
    try second.succeed("recover")
    #expect(try second.succeed("reserved") == reserved, "the reserve is taken again")
    try second.succeed("add b name")
    #expect(try second.succeed("verify") == "[]")
  }

  @Test(
    "10: a reader that keeps the WAL from restarting does not use up what removal needs", arguments: kinds)
  func pinnedReader(kind: StorageKind) throws {
    let disk = try SmallDisk(kind)
    let (writer, reader) = (try disk.child(), try disk.child())
    for number in 0..<20 { try writer.succeed("add a\(number) n\(number)") }
    try reader.send("hold-snapshot")
    try reader.expect("reading")
    try disk.fill()
    let count = try writer.succeed("add-until-full b", within: .seconds(60))
    try disk.fill()
    #expect(try writer.succeed("remove-all", within: .seconds(120)) == count)
    try reader.send("go on")
    try reader.expect("ok")
    disk.makeRoom()
    try writer.succeed("recover")
    #expect(try writer.succeed("verify") == "[]")
  }
}
