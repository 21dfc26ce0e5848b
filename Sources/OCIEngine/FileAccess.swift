import CPlatform
import ContainerStateStore
import Glibc

/// The few things the engine does to files; each failure names its system call and path.
enum FileAccess {
  /// Makes a directory with mode 0700 whatever the umask, and those above it; one that is there is left as it
  /// is.
  static func makeDirectory(_ path: String) throws(EngineError) {
    if mkdir(path, 0o700) == 0 {
      // A umask may have taken the owner's own permissions away.
      if chmod(path, 0o700) != 0 { throw .system("chmod", path, errno) }
      return
    }
    switch errno {
    case EEXIST: return
    case ENOENT:
      guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
        throw .system("mkdir", path, ENOENT)
      }
      try makeDirectory(String(path[..<slash]))
      try makeDirectory(path)
    default: throw .system("mkdir", path, errno)
    }
  }

  /// The bytes of a regular file of at most `maximumBytes`.
  static func read(_ path: String, maximumBytes: Int = 16 << 20) throws(EngineError) -> [UInt8] {
    // Without O_NONBLOCK the open of a FIFO would hang.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system("open", path, errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while bytes.count <= maximumBytes {
      let chunk = readChunk(descriptor)
      guard let chunk else { throw .system("read", path, errno) }
      if chunk.isEmpty { return bytes }
      bytes += chunk
    }
    throw .system("read", path, EFBIG)
  }

  /// Where a symbolic link points; nil where there is none.
  static func linkTarget(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// One read(2): empty at the end of the file, nil with errno set where it failed.
  static func readChunk(_ descriptor: Int32) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
      var result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      while result < 0, errno == EINTR { result = Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
      failed = result < 0
      count = max(result, 0)
    }
    return failed ? nil : bytes
  }

  /// Writes a whole file with mode 0600 under a temporary name and renames it: readers see all of it or none.
  static func write(_ bytes: [UInt8], to path: String) throws(EngineError) {
    let temporary = try writeTemporary(bytes, beside: path)
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw .system("rename", path, code)
    }
  }

  /// Writes a whole file as `write`, unless something has this name already.
  ///
  /// - Returns: false where something has; of many callers at once exactly one gets true.
  static func writeNew(_ bytes: [UInt8], to path: String) throws(EngineError) -> Bool {
    let temporary = try writeTemporary(bytes, beside: path)
    defer { unlink(temporary) }
    if link(temporary, path) == 0 { return true }
    guard errno == EEXIST else { throw .system("link", path, errno) }
    return false
  }

  /// Writes a whole file with mode 0600 under a name that nobody else uses, and returns that.
  private static func writeTemporary(_ bytes: [UInt8], beside path: String) throws(EngineError) -> String {
    let temporary = "\(path).\(UInt64.random(in: 0...UInt64.max))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .system("open", temporary, errno) }
    defer { close(descriptor) }
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR {
        let code = errno
        unlink(temporary)
        throw .system("write", temporary, code)
      }
      offset += max(count, 0)
    }
    return temporary
  }

  /// Removes a directory and everything below it; one that is not there is no error.
  static func removeTree(_ path: String) throws(EngineError) {
    // A process that is just being killed may add a last entry meanwhile.
    for _ in 0..<3 where platform_remove_tree(path) == 0 { return }
    throw .system("remove", path, errno)
  }

  /// The names in a directory, sorted, without `.` and `..`; empty where there is none.
  static func names(in path: String) throws(EngineError) -> [String] {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return [] }
      throw .system("opendir", path, errno)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      // The end and a failure differ by errno alone.
      errno = 0
      guard let entry = readdir(directory) else {
        guard errno == 0 else { throw .system("readdir", path, errno) }
        return names.sorted()
      }
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  /// Whether something is there.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The path without symbolic links, `.` and `..`; nil with errno set where it does not exist.
  static func canonicalPath(_ path: String) -> String? {
    guard let canonical = realpath(path, nil) else { return nil }
    defer { free(canonical) }
    return String(cString: canonical)
  }
}

/// This boot of the machine.
enum Boot {
  /// The kernel's random id of it; empty where `/proc` does not tell.
  static let id: String = {
    let bytes = (try? FileAccess.read("/proc/sys/kernel/random/boot_id", maximumBytes: 64)) ?? []
    return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
  }()
}
