/// A record that an operation with effects outside the store has begun and not ended.
///
/// Whose intent it is rests on the lock: a holder of the container's lock who finds an intent with a token
/// that is not his own has found a foreign one, and finishes or undoes it before anything else.
public struct Intent: Sendable, Hashable {
  /// What had begun.
  public let operation: IntentOperation
  /// The process that began it.
  public let ownerPID: Int32
  /// That process's start time in clock ticks since boot.
  public let ownerStartTime: UInt64
  /// The grant of the container's lock under which it began.
  public let token: FencingToken
  /// When it began.
  public let beganAt: Timestamp

  package init(
    operation: IntentOperation, ownerPID: Int32, ownerStartTime: UInt64, token: FencingToken,
    beganAt: Timestamp
  ) {
    self.operation = operation
    self.ownerPID = ownerPID
    self.ownerStartTime = ownerStartTime
    self.token = token
    self.beganAt = beganAt
  }
}

/// The operations with effects outside the store.
///
/// The raw value is what the database stores.
public enum IntentOperation: Int32, Sendable, Hashable, CaseIterable {
  case create = 1
  case start = 2
  case stop = 3
  case remove = 4

  /// The name that tables and JSON use.
  public var name: String {
    switch self {
    case .create: "create"
    case .start: "start"
    case .stop: "stop"
    case .remove: "remove"
    }
  }
}

/// A number that grows with each grant of one lock, over processes, files and reboots.
public struct FencingToken: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// How many boots the store has seen.
  public let bootEpoch: Int64
  /// `CLOCK_BOOTTIME` at the grant, in nanoseconds.
  public let bootTimeNanoseconds: Int64

  package init(bootEpoch: Int64, bootTimeNanoseconds: Int64) {
    self.bootEpoch = bootEpoch
    self.bootTimeNanoseconds = bootTimeNanoseconds
  }

  /// Earlier grants before later ones.
  public static func < (left: FencingToken, right: FencingToken) -> Bool {
    (left.bootEpoch, left.bootTimeNanoseconds) < (right.bootEpoch, right.bootTimeNanoseconds)
  }

  /// The token as `EPOCH.NANOSECONDS`.
  public var description: String { "\(bootEpoch).\(bootTimeNanoseconds)" }
}
