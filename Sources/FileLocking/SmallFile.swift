import Glibc

/// Files of the kernel that are read from their beginning to their end.
enum SmallFile {
  enum Failure: Error { case errno(Int32) }

  /// All bytes of the file.
  static func read(path: String) throws(Failure) -> [UInt8] {
    var descriptor: Int32
    repeat { descriptor = open(path, O_RDONLY | O_CLOEXEC) } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw .errno(errno) }
    defer { _ = close(descriptor) }
    var bytes: [UInt8] = []
    while true {
      var failure: Int32 = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
        let length = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        if length < 0 { failure = errno }
        count = max(length, 0)
      }
      if failure == EINTR { continue }
      if failure != 0 { throw .errno(failure) }
      if chunk.isEmpty { return bytes }
      bytes += chunk
    }
  }
}
