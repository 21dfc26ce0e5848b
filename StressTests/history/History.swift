internal import Glibc

/// All that the workers of a run saw, and when each of them lived.
public struct History: Sendable {
  /// The operations, in any order.
  ///
  /// Those of one thread of one session are in the order in which it did them.
  public var operations: [Operation]
  /// The sessions of which the coordinator wrote something down.
  public var lives: [Int32: Life]
  /// How many of the newest changes the store was asked to keep; nil where nobody knows.
  public var keptChanges: Int64?

  /// A history made by hand.
  public init(
    _ operations: [Operation] = [], lives: [Int32: Life] = [:], keptChanges: Int64? = nil
  ) {
    self.operations = operations
    self.lives = lives
    self.keptChanges = keptChanges
  }

  /// Reads every file of a directory of journals.
  public init(directory: String) throws(HistoryFailure) {
    self.init()
    for name in try Self.names(in: directory) {
      let path = "\(directory)/\(name)"
      let bytes = try Self.bytes(atPath: path)
      try bytes.withUnsafeBufferPointer { buffer throws(HistoryFailure) in
        var reader = JournalReader(buffer, path: path)
        try reader.read(into: &self)
      }
    }
  }

  private static func names(in directory: String) throws(HistoryFailure) -> [String] {
    guard let stream = opendir(directory) else {
      throw .systemCall("opendir", path: directory, errno: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  private static func bytes(atPath path: String) throws(HistoryFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .systemCall("open", path: path, errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .systemCall("fstat", path: path, errno: errno) }
    var code: Int32 = 0
    // A journal that still grows is read as far as it went when it was looked at.
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, filled in
      while filled < buffer.count {
        let count = read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
        if count > 0 { filled += count } else if count == 0 { return } else if errno != EINTR { break }
      }
      code = filled < buffer.count ? errno : 0
    }
    guard code == 0 else { throw .systemCall("read", path: path, errno: code) }
    return bytes
  }
}

/// When a session lived, by the coordinator's clock.
public struct Life: Sendable, Equatable {
  /// A time in which the session was stopped.
  public struct Stop: Sendable, Equatable {
    /// Before the signal that stopped it.
    public var from: UInt64
    /// After the signal that let it go on; nil where there was none.
    public var to: UInt64?

    /// A stop, by default one that did not end.
    public init(from: UInt64, to: UInt64? = nil) {
      self.from = from
      self.to = to
    }
  }

  /// Before it was forked.
  public var born: UInt64
  /// After it was waited for; nil where it was not.
  public var died: UInt64?
  /// Whether it asks the store all the time, so that it must get answers.
  public var isBusy: Bool
  /// When it was stopped.
  public var stops: [Stop]

  /// A life, by default one without an end.
  public init(born: UInt64, died: UInt64? = nil, isBusy: Bool = true, stops: [Stop] = []) {
    self.born = born
    self.died = died
    self.isBusy = isBusy
    self.stops = stops
  }
}
