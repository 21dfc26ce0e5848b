@testable import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Holder record")
struct HolderRecordTests {
  private let process = ProcessIdentity(pid: 77, startTime: 123_456)

  private func record(_ operation: String, command: String = "/usr/bin/cstate") -> [UInt8] {
    var bytes = [UInt8](repeating: 0xff, count: HolderRecord.size)
    let template = HolderRecordTemplate(process: process, command: command)
    bytes.withUnsafeMutableBytes {
      template.encode(into: $0, operation: operation, realTimeNanoseconds: 5, bootTimeNanoseconds: 6)
    }
    return bytes
  }

  private func decode(_ bytes: [UInt8]) -> HolderRecord? {
    bytes.withUnsafeBytes { HolderRecord.decode($0) }
  }

  @Test("what was written is read")
  func roundTrip() {
    #expect(
      decode(record("start"))
        == HolderRecord(
          process: process, command: "cstate", operation: "start", realTimeNanoseconds: 5,
          bootTimeNanoseconds: 6))
  }

  @Test("an empty, short, torn or foreign record is no record")
  func unreadable() {
    let whole = record("start")
    #expect(decode([]) == nil)
    #expect(decode(Array(whole.prefix(100))) == nil)
    #expect(decode([UInt8](repeating: 0, count: HolderRecord.size)) == nil)
    for offset in [0, 7, 8, 16, 20, 24, 32, 47, 48, 60, 152, 255] {
      var torn = whole
      torn[offset] ^= 0x10
      #expect(decode(torn) == nil, "byte \(offset)")
    }
  }

  @Test("long and hostile text is cut and made harmless")
  func hostileText() throws {
    let found = try #require(
      decode(record("a\u{1b}[2J\nb\u{202e}c\u{7f}" + String(repeating: "é", count: 200))))
    #expect(found.operation.hasPrefix("a?[2J?b?c?éé"))
    #expect(found.operation.utf8.count <= HolderRecord.textLimit + 2)
    var bytes = record("x", command: String(repeating: "c", count: 300))
    bytes[HolderRecord.Offset.operationLength] = 255
    let sum = bytes.withUnsafeBytes { HolderRecord.checksum(of: $0) }
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: sum, toByteOffset: 8, as: UInt64.self) }
    let long = try #require(decode(bytes))
    #expect(long.command.count == HolderRecord.textLimit)
    #expect(long.operation.unicodeScalars.count == HolderRecord.textLimit)
  }

  @Test("L-5: a holder without a readable record is still named by the kernel")
  func unconfirmedHolder() throws {
    let locks = try LockFixture()
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    try write("record of another version", toPath: locks.name("a").path)
    let error = lockError { () throws(LockError) in try locks.acquire("a").release() }
    let holder = try #require(error?.timedOutHolder)
    #expect(holder.process == ProcessIdentity.running(pid: child.pid))
    #expect(!holder.isConfirmed)
    #expect(holder.command == "store-test-chil")
    #expect(holder.operation.isEmpty && holder.age == nil && holder.heldSinceNanoseconds == nil)
  }
}
