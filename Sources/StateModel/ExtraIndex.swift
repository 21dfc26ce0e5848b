/// A place in the embedder's own JSON that records can be found by, once it has been declared.
public struct ExtraIndex: Sendable, Hashable {
  /// Which JSON.
  public let owner: ExtraOwner
  /// The names of the members on the way to the value, from the outermost object on.
  public let path: [String]

  /// A place.
  ///
  /// - Throws: `invalidArgument` where the path has no or more than 8 names, or one has no or more than 255
  ///   bytes.
  public init(_ owner: ExtraOwner, path: [String]) throws(StoreError) {
    guard (1...8).contains(path.count), path.allSatisfy({ (1...255).contains($0.utf8.count) }) else {
      throw .invalidArgument("extra path", "a path has 1 to 8 names of 1 to 255 bytes each")
    }
    self.owner = owner
    self.path = path
  }

  package init(unchecked owner: ExtraOwner, path: [String]) {
    self.owner = owner
    self.path = path
  }

  /// The path as messages and command lines show it.
  public var pathText: String { path.joined(separator: ".") }
}

/// The kinds of JSON that an embedder keeps on records.
///
/// The raw value is what the database stores.
public enum ExtraOwner: Int32, Sendable, Hashable, CaseIterable {
  case containerConfiguration = 1
  case containerState = 2
  case podConfiguration = 3
  case podState = 4
  case volumeConfiguration = 5
  case volumeState = 6
}

/// A value of the embedder's JSON that can be asked for.
public enum ExtraValue: Sendable, Hashable {
  /// A string of at most `maximumStringBytes`.
  case string(String)
  /// A number without a fraction that fits.
  case integer(Int64)
  /// True or false.
  case bool(Bool)

  /// Longer strings are not found by their value; asking for one is `invalidArgument`.
  public static let maximumStringBytes = 1024
}

/// A condition on the embedder's own JSON: the value at a declared path.
public struct ExtraFilter: Sendable, Hashable {
  /// On the configuration's JSON, or the state's.
  public enum Part: Sendable, Hashable {
    case configuration, state
  }

  /// Which JSON of the record.
  public var part: Part
  /// The names of the members on the way to the value.
  public var path: [String]
  /// What the value is.
  public var value: ExtraValue

  /// The condition that the value at `path` is `value`.
  public init(_ part: Part = .configuration, path: [String], equals value: ExtraValue) {
    self.part = part
    self.path = path
    self.value = value
  }
}
