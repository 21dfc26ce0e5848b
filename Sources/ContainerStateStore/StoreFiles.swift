internal import Glibc
internal import StateModel

/// The plain files of a store's directories.
enum StoreFiles {
  /// A path without symbolic links, as it would be if what is missing of it were made; nil where that cannot
  /// be told.
  static func canonicalPath(_ path: String) -> String? {
    if let resolved = realpath(path, nil) {
      defer { free(resolved) }
      return String(cString: resolved)
    }
    guard errno == ENOENT else { return nil }
    var parts = path.split(separator: "/")
    guard let last = parts.popLast(), last != "..", last != "." else { return nil }
    let start = path.hasPrefix("/") ? "/" : "./"
    guard let parent = canonicalPath(start + parts.joined(separator: "/")) else { return nil }
    return parent == "/" ? "/" + last : parent + "/" + last
  }

  /// Whether something is at this path.
  ///
  /// - Throws: where that cannot be told, which is no absence.
  static func exists(_ path: String) throws(StoreError) -> Bool {
    var status = stat()
    if lstat(path, &status) == 0 { return true }
    guard errno == ENOENT || errno == ENOTDIR else { throw .kernel("lstat", path: path, errno: errno) }
    return false
  }

  /// The names in a directory, sorted, without `.` and `..`; none where the directory is missing.
  static func names(in directory: String) throws(StoreError) -> [String] {
    guard let stream = opendir(directory) else {
      if errno == ENOENT { return [] }
      throw .kernel("opendir", path: directory, errno: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw .kernel("readdir", path: directory, errno: errno) }
    return names.sorted()
  }
}
