internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Specifications and their copies")
struct SpecificationTests {
  let fixture: StoreFixture
  let store: StateStore
  let id: ContainerID
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    id = try store.add("abc")
  }

  private var path: String { fixture.specificationFile(id) }

  /// What the next access under the lock returns.
  private func copy() throws -> String {
    try store.withLockedContainer(id, wait: .none) { try $0.specificationCopy() }
  }

  /// What somebody may have done to a copy.
  static let accidents: [String] = [
    "missing", "empty", "longer", "same length", "symbolic link", "FIFO", "directory gone", "unreadable",
  ]

  private func cause(_ accident: String) throws {
    let bytes = sampleSpecification.bytes.count
    switch accident {
    case "missing": #expect(unlink(path) == 0)
    case "empty": try write("", toPath: path)
    case "longer": try write(String(decoding: sampleSpecification.bytes, as: UTF8.self) + " ", toPath: path)
    case "same length": try write(String(repeating: "x", count: bytes), toPath: path)
    case "symbolic link":
      #expect(unlink(path) == 0)
      #expect(symlink("/etc/passwd", path) == 0)
    case "FIFO":
      #expect(unlink(path) == 0)
      #expect(mkfifo(path, 0o600) == 0)
    case "directory gone":
      #expect(unlink(path) == 0)
      #expect(rmdir(fixture.root + "/specs") == 0)
    default: #expect(chmod(path, 0) == 0)
    }
  }

  @Test(
    "I-17: a copy that is missing or differs is rebuilt under the lock and never returned unverified",
    arguments: accidents)
  func rebuilt(accident: String) throws {
    try cause(accident)
    // The truth is in the database, whatever the file says.
    #expect(try store.specification(of: id) == sampleSpecification)
    #expect(try copy() == path)
    // Before it is read: a FIFO has no end.
    try #require(try #require(status(ofPath: path)).st_mode & S_IFMT == S_IFREG)
    #expect(try readBytes(atPath: path) == sampleSpecification.bytes)
    #expect(try #require(status(ofPath: fixture.root + "/specs")).st_mode & 0o7777 == 0o700)
    #expect(entries(ofDirectory: fixture.root + "/specs") == ["abc.json"])
    try expectClean(store)
  }

  @Test("a copy that is right is left alone")
  func untouched() throws {
    let before = try #require(status(ofPath: path))
    #expect(try copy() == path)
    let after = try #require(status(ofPath: path))
    #expect((before.st_ino, before.st_mtim.tv_nsec) == (after.st_ino, after.st_mtim.tv_nsec))
    #expect(after.st_mode & 0o7777 == 0o600)
  }

  @Test("I-17: a specification that does not match its digest is `corrupt`, and no copy is made of it")
  func corrupt() throws {
    try fixture.shell("UPDATE specification SET json = x'7b7d';")
    expectError(.corrupt) { try store.specification(of: id) }
    expectError(.corrupt) { try copy() }
    expectError(.corrupt) { try store.withLockedContainer(id, wait: .none) { try $0.specification() } }
    #expect(try readBytes(atPath: path) == sampleSpecification.bytes)
    try fixture.shell("DELETE FROM specification;")
    expectError(.corrupt) { try store.specification(of: id) }
  }

  @Test("a directory in the place of a copy is a typed error")
  func directoryInTheWay() throws {
    #expect(unlink(path) == 0)
    #expect(mkdir(path, 0o700) == 0)
    expectError(.io) { try copy() }
    #expect(entries(ofDirectory: fixture.root + "/specs") == ["abc.json"])
  }

  @Test("any JSON comes back byte for byte: deep, empty, with NUL escapes and odd spacing")
  func bytes() throws {
    let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    for (number, text) in ["{}", " [ 1e+2 ] ", #"{"a":"\u0000","b":"é🙂"}"#, deep].enumerated() {
      let json = try JSONBytes(text)
      let configuration = try ContainerConfiguration.plain("j\(number)")
      try store.add(configuration, specification: json)
      #expect(try store.specification(of: configuration.id).bytes == Array(text.utf8))
      #expect(try readText(atPath: fixture.specificationFile(configuration.id)) == text)
    }
  }

  @Test("the digest is XXH64, by its published values")
  func digest() throws {
    let values: [(String, String)] = [("", "-1205034819632174695"), ("abc", "4952883123889572249")]
    for (number, (text, digest)) in values.enumerated() {
      let configuration = try ContainerConfiguration.plain("d\(number)")
      try store.add(configuration, specification: JSONBytes(unchecked: Array(text.utf8)))
      let generation = try store.container(configuration.id).generation
      #expect(
        try fixture.shell("SELECT digest FROM specification WHERE generation = \(generation);") == digest
          + "\n")
    }
  }
}
