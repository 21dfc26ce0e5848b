import CPlatform

/// File systems on which record locks or shared memory maps do not do what a store needs.
enum FileSystemType {
  static let overlay = 0x794c_7630
  static let inMemory: Set = [0x0102_1994, 0x8584_58f6]

  /// Source: statfs(2), linux/magic.h.
  static let unfit: [Int: String] = [
    0x6969: "NFS", 0x517b: "SMB", 0xff53_4d42: "CIFS", 0xfe53_4d42: "SMB2", 0x0102_1997: "9p",
    0x6573_5546: "FUSE", 0x00c3_6400: "Ceph", 0x5346_414f: "AFS", 0x6b41_4653: "kAFS",
    0x7375_7245: "Coda", 0x0bd0_0bd0: "Lustre", 0x786f_4256: "vboxsf",
    0x0116_1970: "GFS2", 0x7461_636f: "OCFS2",
  ]

  static func check(
    _ descriptor: Int32, path: String, allowsUnfit: Bool, warnings: inout Set<StoreDirectory.Warning>
  ) throws(DirectoryError) {
    var type: Int64 = 0
    let code = platform_file_system_type(descriptor, &type)
    guard code == 0 else { throw DirectoryError(path: path, reason: .system(call: "fstatfs", errno: code)) }
    try check(type: Int(type), path: path, allowsUnfit: allowsUnfit, warnings: &warnings)
  }

  static func check(
    type: Int, path: String, allowsUnfit: Bool, warnings: inout Set<StoreDirectory.Warning>
  ) throws(DirectoryError) {
    let magic = type & 0xffff_ffff
    if magic == overlay { warnings.insert(.overlayFileSystem) }
    if inMemory.contains(magic) { warnings.insert(.memoryFileSystem) }
    if let name = unfit[magic], !allowsUnfit {
      throw DirectoryError(path: path, reason: .unfitFileSystem(name: name))
    }
  }
}
