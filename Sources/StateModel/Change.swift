/// A place in the order of all changes of a store, from 1.
///
/// Sequences grow strictly in commit order (INVARIANT I-11). They are not always neighbours: a recovery after
/// a reboot leaves a gap, so that no sequence that a loss of power took is given out again.
public struct ChangeSequence: RawRepresentable, Sendable, Hashable, Comparable {
  /// The number; 0 is before every change.
  public let rawValue: Int64

  /// The place of this number.
  public init(rawValue: Int64) { self.rawValue = rawValue }

  /// Before every change.
  public static let beginning = ChangeSequence(rawValue: 0)

  /// Earlier changes before later ones.
  public static func < (left: ChangeSequence, right: ChangeSequence) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// One change of a record, as the transaction that made it recorded it.
public struct Change: Sendable, Hashable {
  /// Its place among all changes.
  public let sequence: ChangeSequence
  /// What kind of record was changed.
  public let kind: RecordKind
  /// The id of the record; empty for the store as a whole.
  public var id: String { idText.string }
  /// A text only for whoever asks: most readers look at a few of many changes.
  private let idText: SharedText
  /// What was done to it.
  public let action: ChangeAction
  /// The status of a container before the change; nil where there was none and for other kinds.
  public let fromStatus: ContainerStatus?
  /// The status of a container after the change; nil where there is none and for other kinds.
  public let toStatus: ContainerStatus?
  /// The revision that the change made; of what was removed, the last it had.
  ///
  /// 0 where nothing is counted.
  public let revision: Int64
  /// The pid of the process that made it, in that process's pid namespace.
  public let writerPID: Int32
  /// When, by the writer's wall clock: it labels and does not order.
  public let changedAt: Timestamp

  package init(
    sequence: ChangeSequence, kind: RecordKind, id: SharedText, action: ChangeAction,
    fromStatus: ContainerStatus?, toStatus: ContainerStatus?, revision: Int64, writerPID: Int32,
    changedAt: Timestamp
  ) {
    self.sequence = sequence
    self.kind = kind
    idText = id
    self.action = action
    self.fromStatus = fromStatus
    self.toStatus = toStatus
    self.revision = revision
    self.writerPID = writerPID
    self.changedAt = changedAt
  }
}

/// The kinds of record that change.
///
/// The raw value is what the database stores.
public enum RecordKind: Int32, Sendable, Hashable, CaseIterable {
  case container = 1
  case pod = 2
  case volume = 3
  case execSession = 4
  case exitCode = 5
  case network = 6
  /// The store as a whole.
  case store = 7

  /// The name that tables and JSON use.
  public var name: String {
    switch self {
    case .container: "container"
    case .pod: "pod"
    case .volume: "volume"
    case .execSession: "exec-session"
    case .exitCode: "exit-code"
    case .network: "network"
    case .store: "store"
    }
  }
}

/// What can be done to a record.
///
/// The raw value is what the database stores.
public enum ChangeAction: Int32, Sendable, Hashable, CaseIterable {
  case added = 1
  case updated = 2
  case rewritten = 3
  case removed = 4
  case connected = 5
  case disconnected = 6
  case mounted = 7
  case unmounted = 8
  case recorded = 9
  case pruned = 10
  case recovered = 11
  case repaired = 12
  case restored = 13

  /// The name that tables and JSON use.
  public var name: String { "\(self)" }
}
