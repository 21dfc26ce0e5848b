public import Glibc

/// The bytes of a file.
public func readBytes(atPath path: String) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  while case let chunk = try readChunk(descriptor), !chunk.isEmpty {
    bytes += chunk
  }
  return bytes
}

/// The text of a file; bytes that are no UTF-8 are replaced.
public func readText(atPath path: String) throws -> String {
  String(decoding: try readBytes(atPath: path), as: UTF8.self)
}

/// Creates or overwrites a file in place (same inode), with `mode` whatever the umask.
public func write(_ text: String, toPath path: String, mode: mode_t = 0o600) throws {
  try write(Array(text.utf8), toPath: path, mode: mode)
}

/// Writes a whole file of these bytes, over what was there.
public func write(_ bytes: [UInt8], toPath path: String, mode: mode_t = 0o600) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
  defer { close(descriptor) }
  guard fchmod(descriptor, mode) == 0 else { throw TestSupportError.systemCall("fchmod", path) }
  guard writeAll(bytes, to: descriptor) else { throw TestSupportError.systemCall("write", path) }
}

/// The lstat(2) record of a path, or nil where there is nothing.
public func status(ofPath path: String) -> stat? {
  var record = stat()
  return lstat(path, &record) == 0 ? record : nil
}

/// The names in a directory, sorted, without `.` and `..`; empty where it cannot be read.
public func entries(ofDirectory path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// What one read(2) gives: empty at the end of the file.
func readChunk(_ descriptor: Int32) throws -> [UInt8] {
  try [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
    var result = read(descriptor, buffer.baseAddress, buffer.count)
    while result < 0, errno == EINTR { result = read(descriptor, buffer.baseAddress, buffer.count) }
    guard result >= 0 else { throw TestSupportError.systemCall("read", "descriptor \(descriptor)") }
    count = result
  }
}

/// Writes all bytes; false with errno set where that failed.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  bytes.withUnsafeBytes { buffer in
    var offset = 0
    while offset < buffer.count {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[offset...])
      let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if written < 0, errno != EINTR { return false }
      offset += max(written, 0)
    }
    return true
  }
}
