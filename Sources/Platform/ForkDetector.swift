import CPlatform

/// Tells whether the process that made an object is the one that uses it, without a system call.
///
/// A token is a word in a page that the kernel wipes in a forked child (`MADV_WIPEONFORK`).
/// Source: madvise(2).
package struct ForkDetector: Sendable, Hashable {
  @usableFromInline let token: UInt64

  /// A detector that belongs to the calling process; a forked child that makes one gets a token of its own.
  package init() {
    token = platform_fork_token_ensure()
  }

  /// True in the process that made the detector, false in every child forked since.
  ///
  /// One load.
  @inlinable package var isSameProcess: Bool { platform_fork_token() == token }
}
