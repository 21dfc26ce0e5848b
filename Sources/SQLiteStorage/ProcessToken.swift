internal import Glibc

/// Tells the process that opened a database from its forked children.
struct ProcessToken: Equatable, Sendable {
  private let value: UInt64

  static var current: ProcessToken { ProcessToken(value: UInt64(getpid())) }
}
