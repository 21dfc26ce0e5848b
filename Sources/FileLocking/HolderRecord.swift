import Glibc
import Platform

/// The 256 bytes at the start of a lockfile that say who took it last.
///
/// Layout, little-endian: magic 8, checksum 8 (of all that follows), pid 4, operation length 1, command
/// length 1, unused 2, start time 8, CLOCK_REALTIME 8, CLOCK_BOOTTIME 8, operation 104, command 104.
/// It is written after the grant and never cleared: whether it is true is for the kernel to say.
struct HolderRecord: Equatable {
  static let size = 256
  static let textLimit = 104
  static let magic: UInt64 = 0x3130_6b63_6f6c_7363  // "cslock01"

  enum Offset {
    static let checksum = 8
    static let pid = 16
    static let operationLength = 20
    static let commandLength = 21
    static let startTime = 24
    static let realTime = 32
    static let bootTime = 40
    static let operation = 48
    static let command = 152
  }

  let process: ProcessIdentity
  let command: String
  let operation: String
  let realTimeNanoseconds: UInt64
  let bootTimeNanoseconds: UInt64

  /// The record of a lockfile; nil when it is empty, torn, or not of this layout.
  static func read(descriptor: Int32) -> HolderRecord? {
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { buffer in
      guard pread(descriptor, buffer.baseAddress, size, 0) == size else { return nil }
      return decode(UnsafeRawBufferPointer(buffer))
    }
  }

  static func decode(_ bytes: UnsafeRawBufferPointer) -> HolderRecord? {
    guard bytes.count == size, load(bytes, 0, UInt64.self) == magic,
      load(bytes, Offset.checksum, UInt64.self) == checksum(of: bytes)
    else { return nil }
    let operationLength = min(Int(bytes[Offset.operationLength]), textLimit)
    let commandLength = min(Int(bytes[Offset.commandLength]), textLimit)
    return HolderRecord(
      process: ProcessIdentity(
        pid: load(bytes, Offset.pid, Int32.self), startTime: load(bytes, Offset.startTime, UInt64.self)),
      command: ShownText.sanitize(bytes[Offset.command..<(Offset.command + commandLength)]),
      operation: ShownText.sanitize(bytes[Offset.operation..<(Offset.operation + operationLength)]),
      realTimeNanoseconds: load(bytes, Offset.realTime, UInt64.self),
      bootTimeNanoseconds: load(bytes, Offset.bootTime, UInt64.self))
  }

  /// Tells a torn record from a whole one; no protection against intent.
  static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    sum(of: bytes, from: Offset.pid, to: size)
  }

  /// What the words from one offset to another add to the checksum.
  ///
  /// Each is mixed with its place and by itself, so that the processor can do several at once, and those that
  /// do not change need not be done again.
  static func sum(of bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> UInt64 {
    var sum: UInt64 = 0
    var offset = start
    while offset < end {
      let placed =
        load(bytes, offset, UInt64.self) &+ UInt64(truncatingIfNeeded: offset) &* 0xd6e8_feb8_6659_fd93
      let mixed = (placed ^ (placed >> 32)) &* 0x9e37_79b9_7f4a_7c15
      sum &+= mixed ^ (mixed >> 29)
      offset &+= 8
    }
    return sum
  }

  private static func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ type: Value.Type
  ) -> Value {
    Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
  }
}

/// A holder record with everything filled in that does not change while the process lives.
final class HolderRecordTemplate: Sendable {
  private let bytes: [UInt8]
  /// What start time and command add to the checksum.
  private let fixedSum: UInt64

  init(process: ProcessIdentity = .current, command: String = CommandLine.arguments.first ?? "") {
    var bytes = [UInt8](repeating: 0, count: HolderRecord.size)
    let name = command.utf8.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? []
    let kept = name.prefix(HolderRecord.textLimit)
    bytes.withUnsafeMutableBytes { buffer in
      Self.store(HolderRecord.magic, at: 0, in: buffer)
      Self.store(process.pid, at: HolderRecord.Offset.pid, in: buffer)
      Self.store(process.startTime, at: HolderRecord.Offset.startTime, in: buffer)
      buffer[HolderRecord.Offset.commandLength] = UInt8(kept.count)
      buffer[HolderRecord.Offset.command...].copyBytes(from: kept)
    }
    self.bytes = bytes
    fixedSum = bytes.withUnsafeBytes { buffer in
      HolderRecord.sum(of: buffer, from: HolderRecord.Offset.startTime, to: HolderRecord.Offset.realTime)
        &+ HolderRecord.sum(of: buffer, from: HolderRecord.Offset.command, to: HolderRecord.size)
    }
  }

  /// Writes the record; a full disk costs the waiters a name and nobody a lock.
  func write(to descriptor: Int32, operation: String, bootTimeNanoseconds: UInt64) {
    withUnsafeTemporaryAllocation(byteCount: HolderRecord.size, alignment: 8) { buffer in
      encode(
        into: buffer, operation: operation, realTimeNanoseconds: Clock.realTimeNanoseconds,
        bootTimeNanoseconds: bootTimeNanoseconds)
      _ = pwrite(descriptor, buffer.baseAddress, HolderRecord.size, 0)
    }
  }

  func encode(
    into buffer: UnsafeMutableRawBufferPointer, operation: String, realTimeNanoseconds: UInt64,
    bootTimeNanoseconds: UInt64
  ) {
    buffer.copyBytes(from: bytes)
    Self.store(realTimeNanoseconds, at: HolderRecord.Offset.realTime, in: buffer)
    Self.store(bootTimeNanoseconds, at: HolderRecord.Offset.bootTime, in: buffer)
    var text = operation
    let length = text.withUTF8 { utf8 in
      let count = min(utf8.count, HolderRecord.textLimit)
      let place = UnsafeMutableRawBufferPointer(rebasing: buffer[HolderRecord.Offset.operation...])
      place.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(utf8)[..<count]))
      return count
    }
    buffer[HolderRecord.Offset.operationLength] = UInt8(length)
    let record = UnsafeRawBufferPointer(buffer)
    let sum =
      fixedSum
      &+ HolderRecord.sum(of: record, from: HolderRecord.Offset.pid, to: HolderRecord.Offset.startTime)
      &+ HolderRecord.sum(of: record, from: HolderRecord.Offset.realTime, to: HolderRecord.Offset.command)
    Self.store(sum, at: HolderRecord.Offset.checksum, in: buffer)
  }

  private static func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at offset: Int, in buffer: UnsafeMutableRawBufferPointer
  ) {
    buffer.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
  }
}

/// Text that somebody else wrote, made fit for a terminal.
enum ShownText {
  /// Characters that control a terminal or reorder what is read become "?".
  static func sanitize(_ bytes: some Sequence<UInt8>) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        shown.append("?")
      default:
        shown.append(scalar)
      }
    }
    return String(shown)
  }
}
