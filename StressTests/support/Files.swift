internal import CPlatform
internal import Glibc

/// The time on a clock of the kernel, in nanoseconds.
package func clockNanoseconds(_ clock: Int32) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Makes a directory that is missing, for its owner alone.
package func makeDirectory(_ path: String) throws(StressFailure) {
  guard mkdir(path, 0o700) == 0 else { throw .systemCall("mkdir", path) }
}

/// Makes a directory of which the name begins so, in `parent` or where temporary files belong.
///
/// - Returns: its path without symbolic links.
package func makeTemporaryDirectory(
  _ name: String, in parent: String? = nil
) throws(StressFailure) -> String {
  let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw .systemCall("mkdtemp", parent) }
  return try canonicalPath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
}

/// A path that exists, without symbolic links.
package func canonicalPath(_ path: String) throws(StressFailure) -> String {
  guard let canonical = realpath(path, nil) else { throw .systemCall("realpath", path) }
  defer { free(canonical) }
  return String(cString: canonical)
}

/// Writes a whole file over what was there.
package func writeFile(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(StressFailure) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw .systemCall("open", path) }
  defer { close(descriptor) }
  guard writeAll(bytes, to: descriptor) else { throw .systemCall("write", path) }
}

/// Whether all the bytes were written.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  bytes.withUnsafeBytes { buffer in
    var rest = buffer[...]
    while !rest.isEmpty {
      let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno != EINTR { return false }
      rest = rest.dropFirst(max(0, count))
    }
    return true
  }
}

/// The bytes of a file; nil where it cannot be read.
package func readFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return readAll(descriptor)
}

/// Everything from the descriptor's position to its end; nil where it cannot be read.
package func readAll(_ descriptor: Int32) -> [UInt8]? {
  var bytes: [UInt8] = []
  while true {
    let chunk = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
      var result = read(descriptor, buffer.baseAddress, buffer.count)
      while result < 0, errno == EINTR { result = read(descriptor, buffer.baseAddress, buffer.count) }
      count = max(0, result)
      if result < 0 { errno = EIO } else if result == 0 { errno = 0 }
    }
    if chunk.isEmpty { return errno == 0 ? bytes : nil }
    bytes += chunk
  }
}

/// The names in a directory without `.` and `..`; empty where it is not there.
package func names(in directory: String) -> [String] {
  guard let stream = opendir(directory) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Where a symbolic link points; nil where there is none.
package func linkTarget(_ path: String) -> String? {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  let count = readlink(path, &buffer, buffer.count)
  guard count > 0 else { return nil }
  return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
