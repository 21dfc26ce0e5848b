internal import CPlatform

/// Tells the process that opened a database from its forked children, at the price of a load.
///
/// Source: madvise(2), `MADV_WIPEONFORK`.
struct ProcessToken: Equatable, Sendable {
  private let value: UInt64

  /// This process, which gets a token if it has none.
  static func ensured() -> ProcessToken { ProcessToken(value: platform_fork_token_ensure()) }

  /// True in the process that the token was given to, false in every forked child of it.
  var isOfThisProcess: Bool { platform_fork_token() == value }
}
