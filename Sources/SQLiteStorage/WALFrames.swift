internal import CSQLite

/// The bytes of the WAL, read and written through SQLite's own descriptor.
///
/// Source: https://sqlite.org/fileformat2.html#the_write_ahead_log
extension Connection {
  /// Writes the first `count` frames and the header once more, where they are, so that the next sync has all
  /// of them to write; the caller has SQLite's write lock.
  ///
  /// Readers see the same bytes throughout.
  ///
  /// - Throws: `corrupt` unless they are what was written once, and the last of them ends a transaction;
  ///   `io`.
  func rewriteFrames(_ count: Int) throws(StorageError) {
    guard count > 0 else { return }
    let start = try readWAL(WALHeader.size, at: 0)
    guard let header = WALHeader(start) else { throw damagedWAL("its header") }
    try writeWAL(start, at: 0)
    var checksum = header.checksum
    var isEnd = false
    let size = WALHeader.frameSize + header.pageSize
    for number in 0..<count {
      let frame = try readWAL(size, at: WALHeader.size + number * size)
      guard header.continues(&checksum, with: frame) else { throw damagedWAL("frame \(number + 1)") }
      isEnd = WALHeader.word(frame, 1) != 0
      try writeWAL(frame, at: WALHeader.size + number * size)
    }
    guard isEnd else { throw damagedWAL("its end") }
  }

  private func damagedWAL(_ what: String) -> StorageError {
    StorageError(.corrupt, path: path + "-wal", message: "\(what) is not what was written")
  }

  private func writeWAL(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
    let code = csqlite_wal_write(handle, bytes, Int32(bytes.count), Int64(offset))
    guard code == SQLITE_OK else {
      throw StorageError(extendedCode: code, connection: nil, path: path + "-wal")
    }
  }

  private func readWAL(_ count: Int, at offset: Int) throws(StorageError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let code = csqlite_wal_read(handle, &bytes, Int32(count), Int64(offset))
    guard code == SQLITE_OK else {
      throw StorageError(extendedCode: code, connection: nil, path: path + "-wal")
    }
    return bytes
  }
}

/// The header of a WAL, and the checksum that goes on from it over all frames.
private struct WALHeader {
  static let size = 32
  static let frameSize = 24

  let pageSize: Int
  private(set) var checksum: (UInt32, UInt32) = (0, 0)
  private let salts: (UInt32, UInt32)
  private let isBigEndian: Bool

  /// Nil for bytes that are no header.
  init?(_ bytes: [UInt8]) {
    let magic = Self.word(bytes, 0)
    guard magic & ~1 == 0x377f_0682 else { return nil }
    isBigEndian = magic & 1 == 1
    pageSize = Int(Self.word(bytes, 2))
    salts = (Self.word(bytes, 4), Self.word(bytes, 5))
    add(bytes[..<24], to: &checksum)
    guard checksum == (Self.word(bytes, 6), Self.word(bytes, 7)), (512...65_536).contains(pageSize) else {
      return nil
    }
  }

  /// Whether this frame follows what the checksum is about, which is about this frame as well afterwards.
  func continues(_ checksum: inout (UInt32, UInt32), with frame: [UInt8]) -> Bool {
    guard (Self.word(frame, 2), Self.word(frame, 3)) == salts else { return false }
    add(frame[..<8], to: &checksum)
    add(frame[Self.frameSize...], to: &checksum)
    return checksum == (Self.word(frame, 4), Self.word(frame, 5))
  }

  /// The word of this number, as the file format has them.
  static func word(_ bytes: [UInt8], _ number: Int) -> UInt32 {
    bytes.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: number * 4, as: UInt32.self)) }
  }

  private func add(_ bytes: ArraySlice<UInt8>, to checksum: inout (UInt32, UInt32)) {
    bytes.withUnsafeBytes { raw in
      for offset in stride(from: 0, to: raw.count, by: 8) {
        let first = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let second = raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        checksum.0 &+= (isBigEndian ? first.bigEndian : first.littleEndian) &+ checksum.1
        checksum.1 &+= (isBigEndian ? second.bigEndian : second.littleEndian) &+ checksum.0
      }
    }
  }
}
