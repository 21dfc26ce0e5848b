internal import SQLiteStorage
internal import StateModel

/// What a store was asked, so that the answer can be found again.
enum Question: Hashable {
  case state(ContainerID)
  case container(ContainerID)
  /// What was last known of a container under its lock.
  case locked(ContainerID)
  /// The state of the row of this generation, with its revision.
  case row(ContainerID, generation: Int64)
  /// A name, an id or the beginning of one.
  case lookUp(String)
  indirect case containers(ContainerFilter)
  indirect case summaries(ContainerFilter, including: ContainerSummary.Parts)

  /// What alone the answer depends on; nil where that is more than one container.
  var subject: CommitSubject? {
    switch self {
    case .state(let id), .container(let id), .locked(let id), .row(let id, _): CommitSubject(id)
    case .lookUp, .containers, .summaries: nil
    }
  }

  /// Where the answer is looked for first.
  ///
  /// Of a text only its length and 24 bytes count: ids are random, and to hash a whole one takes as long as
  /// all the rest of an answer.
  @inline(__always)
  var hash: UInt64 {
    switch self {
    case .state(let id): Self.hash(id.rawValue, 1)
    case .container(let id): Self.hash(id.rawValue, 2)
    case .locked(let id): Self.hash(id.rawValue, 5)
    case .row(_, let generation): Self.mixed(UInt64(bitPattern: generation), 3)
    case .lookUp(let text): Self.hash(text, 4)
    case .containers, .summaries: UInt64(bitPattern: Int64(hashValue))
    }
  }

  @inline(__always)
  private static func hash(_ text: String, _ kind: UInt64) -> UInt64 {
    text.utf8.withContiguousStorageIfAvailable { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      let count = bytes.count
      guard count >= 8 else {
        return mixed(bytes.reduce(UInt64(count)) { $0 << 8 | UInt64($1) }, kind)
      }
      func word(_ offset: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
      return mixed(mixed(word(0), word(count / 2 - 4)) ^ UInt64(count), word(count - 8) ^ kind)
    } ?? kind
  }

  @inline(__always)
  private static func mixed(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = (left ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: right ^ 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}

extension CommitSubject {
  /// All that is kept of one container: its record, configuration, state, intent.
  init(_ id: ContainerID) {
    var text = id.rawValue
    self.init(hash: text.withUTF8 { SpecificationDigest.xxh64(UnsafeRawBufferPointer($0)) })
  }
}
