/// What one call that reads the sequence of changes returned.
public struct ChangesSeen: Sendable, Equatable {
  /// The place after which it was asked for changes.
  public var after: Int64
  /// The place that it named for the next call.
  public var position: Int64
  /// How many changes it returns at most; a call that returned fewer had reached the newest.
  public var limit: Int
  /// Whether it said that changes after the place had been removed.
  public var wasTrimmed: Bool
  /// What it returned, in its order.
  public var changes: [ChangeSeen]

  /// What a call returned.
  public init(after: Int64, position: Int64, limit: Int, wasTrimmed: Bool, changes: [ChangeSeen]) {
    self.after = after
    self.position = position
    self.limit = limit
    self.wasTrimmed = wasTrimmed
    self.changes = changes
  }
}

/// One change as a reader of the sequence saw it.
public struct ChangeSeen: Sendable, Hashable {
  /// What was done.
  public enum Action: UInt8, Sendable, CaseIterable {
    case added, updated, removed, recorded, pruned
    /// A reboot or a restoration, before which there is a gap.
    case leapt
    /// Anything that a history does not follow.
    case other

    var letter: UInt8 {
      switch self {
      case .added: UInt8(ascii: "a")
      case .updated: UInt8(ascii: "u")
      case .removed: UInt8(ascii: "r")
      case .recorded: UInt8(ascii: "c")
      case .pruned: UInt8(ascii: "p")
      case .leapt: UInt8(ascii: "l")
      case .other: UInt8(ascii: "o")
      }
    }

    init?(letter: UInt8) {
      guard let action = Self.allCases.first(where: { $0.letter == letter }) else { return nil }
      self = action
    }
  }

  /// Its place among all changes.
  public var sequence: Int64
  private let number: Int32
  /// What was done to the object.
  public var action: Action
  /// The status before, as a number; 0 where there was none.
  public var from: UInt8
  /// The status after, likewise.
  public var to: UInt8
  /// The revision that it says it made, or of a removal the last one.
  public var revision: Int64

  /// The object that was changed.
  public var object: Int { Int(number) }

  /// A change as it was read.
  public init(
    sequence: Int64, object: Int, action: Action, revision: Int64, from: UInt8 = 0, to: UInt8 = 0
  ) {
    self.sequence = sequence
    number = Int32(object)
    self.action = action
    self.revision = revision
    self.from = from
    self.to = to
  }
}
