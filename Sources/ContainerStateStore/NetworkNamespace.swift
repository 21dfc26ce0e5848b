internal import CPlatform
internal import Glibc
internal import StateModel

/// An open network namespace; it exists as long as somebody has it open.
public final class NetworkNamespace: Sendable {
  /// The path it was opened at.
  public let path: String
  /// Its descriptor, close-on-exec, for `setns(2)`; closed with the last reference to this object.
  public let descriptor: Int32

  /// Opens the network namespace at `path`, for example `/proc/PID/ns/net` or `/run/netns/NAME`.
  ///
  /// - Throws: `invalidArgument` where the path is no network namespace, `io` where it cannot be opened.
  public init(path: String) throws(StoreError) {
    // O_NONBLOCK: a FIFO at the path must not hang the caller.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let cause = String(cString: strerror(errno))
      throw StoreError(
        .invalidArgument, subject: printable(path, limit: 4096),
        message: "the network namespace cannot be opened; set the path of one that exists", cause: cause)
    }
    guard platform_namespace_kind(descriptor) == platform_network_namespace_kind() else {
      close(descriptor)
      throw StoreError(
        .invalidArgument, subject: printable(path, limit: 4096),
        message: "this is no network namespace; set the path of one")
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
