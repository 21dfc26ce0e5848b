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
  /// - Throws: `invalidArgument` where the path is no network namespace or cannot be opened.
  public init(path: String) throws(StoreError) {
    // Asked before anything is opened: to close a file of a store would drop the locks of this process on it.
    var isNamespace: Int32 = 0
    let failure = platform_is_namespace(path, &isNamespace)
    guard failure == 0 else { throw .namespaceUnopened(path, errno: failure) }
    guard isNamespace != 0 else { throw .noNetworkNamespace(path) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .namespaceUnopened(path, errno: errno) }
    guard platform_namespace_kind(descriptor) == platform_network_namespace_kind() else {
      close(descriptor)
      throw .noNetworkNamespace(path)
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}

extension StoreError {
  fileprivate static func namespaceUnopened(_ path: String, errno: Int32) -> StoreError {
    StoreError(
      .invalidArgument, subject: printable(path, limit: 4096),
      message: "the network namespace cannot be opened; set the path of one that exists",
      cause: String(cString: strerror(errno)))
  }

  fileprivate static func noNetworkNamespace(_ path: String) -> StoreError {
    StoreError(
      .invalidArgument, subject: printable(path, limit: 4096),
      message: "this is no network namespace; set the path of one")
  }
}
