internal import CPlatform
internal import Glibc
internal import ScratchStorage
internal import StoreTestSupport
internal import Testing

@Suite("Writes that the kernel loses")
struct WritebackErrorTests {
  /// Those that this machine and user can mount, none where that needs what is not there.
  static let kinds = [StorageKind.ext4, .xfs].filter { ScratchStorage.obstacle(to: $0) == nil }

  @Test(
    "D-3: each descriptor that was open before a write was lost is told so once, and a later one is not",
    arguments: kinds)
  func toldOnce(kind: StorageKind) throws {
    let directory = try TemporaryDirectory()
    let small = try ScratchStorage(.tmpfs, at: directory.path("small"), megabytes: 128)
    defer { withExtendedLifetime(directory) { _ = umount2(small.path, Int32(MNT_DETACH)) } }
    // Its image has holes, and the disk under it has no room to fill them all.
    let disk = try ScratchStorage(kind, at: small.path + "/disk", megabytes: 512)
    defer { umount2(disk.path, Int32(MNT_DETACH)) }
    let path = disk.path + "/file"
    let writer = try descriptor(path, O_RDWR | O_CREAT)
    defer { close(writer) }
    let earlier = [try descriptor(path, O_RDONLY), try descriptor(path, O_RDONLY)]
    defer { for descriptor in earlier { close(descriptor) } }
    for descriptor in earlier { #expect(platform_writeback_error(descriptor) == 0) }

    try write(to: writer, megabytes: 160)
    #expect(fdatasync(writer) == -1 && isLoss(errno))

    for descriptor in earlier { #expect(isLoss(platform_writeback_error(descriptor))) }
    for descriptor in earlier { #expect(platform_writeback_error(descriptor) == 0) }
    let later = try descriptor(path, O_RDONLY)
    defer { close(later) }
    #expect(platform_writeback_error(later) == 0)
  }

  private func isLoss(_ code: Int32) -> Bool { code == EIO || code == ENOSPC }

  private func descriptor(_ path: String, _ flags: Int32) throws -> Int32 {
    let descriptor = open(path, flags | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
    return descriptor
  }

  /// Into the cache; the kernel may begin to write it to the disk meanwhile.
  private func write(to descriptor: Int32, megabytes: Int) throws {
    let megabyte = [UInt8](repeating: 1, count: 1 << 20)
    for number in 0..<megabytes {
      let written = megabyte.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard written == 1 << 20 else { throw TestSupportError.systemCall("write", "megabyte \(number)") }
    }
  }
}
