/// The one error type of the store: what happened, during which operation, to what, and what to do next.
///
/// Match on the code in `catch`:
///
/// ```swift
/// do { try store.container(id) } catch let error where error.code == .notFound { … }
/// ```
///
/// No message ever contains a bound value (environment, labels, `extra`).
public struct StoreError: Error, Sendable, Hashable {
  /// What kind of failure this is; each misuse of the interface has exactly one.
  public let code: Code
  /// The operation that failed, for example `add container`.
  public let operation: String
  /// What it failed on: an id, a name or a path.
  public let subject: String
  /// One or two sentences: what happened, and what to do.
  public let message: String
  /// Who holds the lock, where `code` is `lockTimeout` and the holder is known.
  public let holder: LockHolder?
  /// Up to ten ids that match, where `code` is `ambiguous`; the users, where it is `inUse`.
  public let candidates: [String]
  /// The failure below this one: an errno or SQLite code by name, or empty.
  public let cause: String

  package init(
    _ code: Code, operation: String = "", subject: String, message: String, holder: LockHolder? = nil,
    candidates: [String] = [], cause: String = ""
  ) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.message = message
    self.holder = holder
    self.candidates = candidates
    self.cause = cause
  }

  /// The same error, said to have happened during `operation` unless it already names one.
  package func during(_ operation: String) -> StoreError {
    guard self.operation.isEmpty else { return self }
    return StoreError(
      code, operation: operation, subject: subject, message: message, holder: holder, candidates: candidates,
      cause: cause)
  }
}

extension StoreError {
  /// The kinds of failure; the raw value is the stable name that JSON output uses.
  public enum Code: String, Sendable, CaseIterable {
    case closed, emptyID, invalidArgument, notFound, alreadyExists, ambiguous, removed, inUse
    case invalidTransition, wrongPod, alreadyConnected, notConnected
    case lockTimeout, wouldDeadlock, lockLost, scopeEnded
    case durabilityUnknown, busy, conflict, corrupt, identityMismatch, schemaTooNew, schemaTooOld
    case notDatabase, unsafeFilesystem, unsafePermissions, outOfSpace, readOnly, io, unsupported
    case usedAfterFork, storeReplaced
  }
}

extension StoreError: CustomStringConvertible {
  /// The error as one line for a person: operation, subject, message, cause.
  public var description: String {
    var text = operation.isEmpty ? "" : operation + " "
    text += subject.isEmpty ? message : "\(subject): \(message)"
    if !cause.isEmpty { text += " (\(cause))" }
    return text
  }
}

/// A process that holds a lock somebody waited for.
public struct LockHolder: Sendable, Hashable {
  /// The holder's pid; 0 where it is not visible from this pid namespace.
  public let pid: Int32
  /// The holder's start time in clock ticks since boot; 0 where unknown.
  public let startTime: UInt64
  /// The holder's command name; empty where unknown.
  public let command: String
  /// What the holder said it was doing; empty where unknown.
  public let operation: String
  /// How long it has held the lock, in nanoseconds; nil where unknown.
  public let ageNanoseconds: UInt64?

  package init(pid: Int32, startTime: UInt64, command: String, operation: String, ageNanoseconds: UInt64?) {
    self.pid = pid
    self.startTime = startTime
    self.command = command
    self.operation = operation
    self.ageNanoseconds = ageNanoseconds
  }
}

extension LockHolder: CustomStringConvertible {
  /// The holder as part of a sentence: `pid 4711 (cstate, start, for 1.2 s)`.
  public var description: String {
    let who = pid == 0 ? "a process outside this pid namespace" : "pid \(pid)"
    var details = [command, operation].filter { !$0.isEmpty }
    if let ageNanoseconds { details.append("for \(formattedDuration(nanoseconds: ageNanoseconds))") }
    return details.isEmpty ? who : "\(who) (\(details.joined(separator: ", ")))"
  }
}

/// A duration for people: `830 µs`, `12.4 ms`, `3.1 s`, `5 min`, `3 h`, `9 days`.
public func formattedDuration(nanoseconds: UInt64) -> String {
  func tenths(_ unit: UInt64) -> String { "\(nanoseconds / unit).\(nanoseconds % unit * 10 / unit)" }
  switch nanoseconds {
  case ..<1_000_000: return "\(nanoseconds / 1_000) µs"
  case ..<1_000_000_000: return "\(tenths(1_000_000)) ms"
  case ..<120_000_000_000: return "\(tenths(1_000_000_000)) s"
  case ..<7_200_000_000_000: return "\(nanoseconds / 60_000_000_000) min"
  case ..<172_800_000_000_000: return "\(nanoseconds / 3_600_000_000_000) h"
  default: return "\(nanoseconds / 86_400_000_000_000) days"
  }
}
