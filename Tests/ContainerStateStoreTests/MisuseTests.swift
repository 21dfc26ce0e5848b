internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// Everything the public interface can be asked wrongly, and the one code for it.
@Suite("Misuse has one typed error each")
struct MisuseTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    try store.add("abc", name: "web")
    try store.add("abd", dependingOn: ["abc"])
  }

  /// A call and the code it has to fail with.
  struct Misuse: CustomTestStringConvertible, Sendable {
    let call: String
    let code: StoreError.Code
    let body: @Sendable (StateStore) throws -> Void
    var testDescription: String { "\(call): \(code)" }

    init(_ call: String, _ code: StoreError.Code, _ body: @escaping @Sendable (StateStore) throws -> Void) {
      (self.call, self.code, self.body) = (call, code, body)
    }
  }

  private static let gone = ContainerID(unchecked: "gone")
  private static let abc = ContainerID(unchecked: "abc")

  private static func withLocked(
    _ store: StateStore, _ body: (borrowing LockedContainer) throws -> Void
  ) throws {
    try store.withLockedContainer(abc, wait: .none, body)
  }

  private static func configuration(_ set: (inout ContainerDetails) -> Void) throws -> ContainerConfiguration
  {
    var details = ContainerDetails()
    set(&details)
    return try ContainerConfiguration(id: ContainerID("new"), name: "new", createdAt: .now, details: details)
  }

  static let onValues: [Misuse] = [
    Misuse("an empty id", .emptyID) { _ in _ = try ContainerID("") },
    Misuse("an id of 129", .invalidArgument) { _ in _ = try ContainerID(String(repeating: "a", count: 129)) },
    Misuse("an empty name", .invalidArgument) { _ in _ = try ContainerConfiguration.plain("new", name: "") },
    Misuse("a name of 256", .invalidArgument) { _ in
      _ = try ContainerConfiguration.plain("new", name: String(repeating: "a", count: 256))
    },
    Misuse("a zone of a day", .invalidArgument) { _ in
      _ = try ContainerConfiguration(
        id: ContainerID("new"), name: "new", createdAt: .now, createdZoneOffsetSeconds: 86_400)
    },
    Misuse("the least zone there is", .invalidArgument) { _ in
      _ = try ContainerConfiguration(
        id: ContainerID("new"), name: "new", createdAt: .now, createdZoneOffsetSeconds: .min)
    },
    Misuse("NUL in an image name", .invalidArgument) { _ in
      _ = try ContainerConfiguration(id: ContainerID("new"), name: "new", createdAt: .now, imageName: "a\0")
    },
    Misuse("NUL in an image id", .invalidArgument) { _ in
      _ = try ContainerConfiguration(id: ContainerID("new"), name: "new", createdAt: .now, imageID: "\0")
    },
    Misuse("an image name of 4097", .invalidArgument) { _ in
      let name = String(repeating: "i", count: 4097)
      _ = try ContainerConfiguration(id: ContainerID("new"), name: "new", createdAt: .now, imageName: name)
    },
    Misuse("stop signal −1", .invalidArgument) { _ in _ = try configuration { $0.stopSignal = -1 } },
    Misuse("stop signal 65", .invalidArgument) { _ in _ = try configuration { $0.stopSignal = 65 } },
    Misuse("an empty label key", .invalidArgument) { _ in _ = try configuration { $0.labels = ["": "a"] } },
    Misuse("a label key of 4097", .invalidArgument) { _ in
      _ = try configuration { $0.labels = [String(repeating: "k", count: 4097): ""] }
    },
    Misuse("NUL in a label", .invalidArgument) { _ in _ = try configuration { $0.labels = ["a": "\0"] } },
    Misuse("NUL in a process label", .invalidArgument) { _ in _ = try configuration { $0.processLabel = "\0" }
    },
    Misuse("NUL in a mount", .invalidArgument) { _ in
      _ = try configuration { $0.mounts = [Mount(source: "/a\0", destination: "/b")] }
    },
    Misuse("a dependency on itself", .invalidArgument) { _ in
      _ = try configuration { $0.dependencies = [ContainerID(unchecked: "new")] }
    },
    Misuse("its own namespace", .invalidArgument) { _ in
      _ = try configuration { $0.namespaceJoins = [.pid: ContainerID(unchecked: "new")] }
    },
    Misuse("a relative location of nobody", .invalidArgument) { _ in
      _ = try StoreLocation.standard(effectiveUserID: 1) { _ in nil }
    },
    Misuse("a namespace of nothing", .invalidArgument) { _ in _ = try NetworkNamespace(path: "") },
  ]

  static let onStores: [Misuse] = [
    Misuse("container", .notFound) { _ = try $0.container(gone) },
    Misuse("state", .notFound) { _ = try $0.state(of: gone) },
    Misuse("specification", .notFound) { _ = try $0.specification(of: gone) },
    Misuse("handle", .notFound) { _ = try $0.handle(for: gone) },
    Misuse("look up nothing", .emptyID) { _ = try $0.lookUpContainer("") },
    Misuse("look up what is not there", .notFound) { _ = try $0.lookUpContainer("gone") },
    Misuse("look up two", .ambiguous) { _ = try $0.lookUpContainer("ab") },
    Misuse("look up no name", .invalidArgument) { _ = try $0.lookUpContainer("-a") },
    Misuse("snapshot container", .notFound) { try $0.read { _ = try $0.container(gone) } },
    Misuse("snapshot look up", .notFound) { try $0.read { _ = try $0.lookUpContainer("gone") } },
    Misuse("add an id again", .alreadyExists) { try $0.add("abc", name: "new") },
    Misuse("add a name again", .alreadyExists) { try $0.add("new", name: "web") },
    Misuse("add on a missing dependency", .notFound) { try $0.add("new", dependingOn: ["gone"]) },
    Misuse("lock what is not there", .notFound) { try $0.withLockedContainer(gone, wait: .none) { _ in } },
    Misuse("lock several, one not there", .notFound) {
      try $0.withLockedContainers([abc, gone], wait: .none) { _ in }
    },
    Misuse("lock twice", .wouldDeadlock) { store in
      try withLocked(store) { _ in try withLocked(store) { _ in } }
    },
    Misuse("lock out of order", .wouldDeadlock) { store in
      try store.withLockedContainer(ContainerID("abd"), wait: .none) { _ in try withLocked(store) { _ in } }
    },
    Misuse("lend one that was not locked", .invalidArgument) {
      try $0.withLockedContainers([abc], wait: .none) { try $0.withContainer(ContainerID("abd")) { _ in } }
    },
    Misuse("remove what is used", .inUse) { try withLocked($0) { try $0.remove() } },
    Misuse("configured → running", .invalidTransition) {
      try withLocked($0) { try $0.update { $0.status = .running } }
    },
    Misuse("exit of what never ran", .invalidTransition) {
      try withLocked($0) { try $0.recordExit(code: 0, finishedAt: .now) }
    },
    Misuse("exit code 300", .invalidArgument) {
      try withLocked($0) { try $0.recordExit(code: 300, finishedAt: .now, status: .configured) }
    },
    Misuse("a pid below none", .invalidArgument) { try withLocked($0) { try $0.update { $0.pid = -5 } } },
  ]

  @Test("a value that cannot be stored is refused before any store is asked", arguments: onValues)
  func values(misuse: Misuse) throws {
    let error = expectError(misuse.code, misuse.call) { try misuse.body(store) }
    #expect(error?.message.isEmpty == false)
  }

  @Test(
    "each misuse of a store has its code, its operation and a sentence, and changes nothing",
    arguments: onStores)
  func stores(misuse: Misuse) throws {
    let before = try fixture.shell(".dump")
    let files = fixture.leftovers()
    let error = try #require(expectError(misuse.code, misuse.call) { try misuse.body(store) })
    #expect(!error.message.isEmpty)
    #expect(
      error.message.contains(where: { ";,(".contains($0) }) || error.code == .emptyID, "\(error.message)")
    #expect(try fixture.shell(".dump") == before)
    #expect(fixture.leftovers() == files)
    try expectClean(store)
  }

  /// Fault group 40.
  static let hostile: [String] = [
    "%", "_", "\\", "../x", "..", ".", "/", "/etc/passwd", "a/b", "a\0", "\0", "a\nb", "\n", "\r", "a b",
    " a", "a\t",
    "\u{1B}[2J", "a\u{1B}]0;x\u{7}", "\u{7F}", String(repeating: "x", count: 10_000), "🙂", "e\u{301}", "é",
    "\u{202E}gpj.exe", "a\u{200B}", "\u{FEFF}a", "１２３", "-rf", ".hidden", "_a", "a%", "a:b", "a*", "a;b",
    "$(a)",
    "'", "\"", "a,b", "a=b", "a\u{0430}",
  ]

  @Test(
    "40: an id, a name or a lookup that is none is `invalidArgument`, and its error is fit for a terminal",
    arguments: hostile)
  func hostileText(text: String) throws {
    let errors = [
      expectError(.invalidArgument) { try ContainerID(text) },
      expectError(.invalidArgument) { try ContainerConfiguration.plain("new", name: text) },
      expectError(.invalidArgument) { try store.lookUpContainer(text) },
      expectError(.invalidArgument) { try store.read { _ = try $0.lookUpContainer(text) } },
    ]
    for error in errors {
      let shown = try #require(error).description
      #expect(
        shown.unicodeScalars.allSatisfy { ($0.value >= 0x20 && $0.value < 0x7F) || $0 == "…" }, "\(shown)")
      #expect(shown.utf8.count < 600)
    }
  }

  @Test("40: upper case is another id and another name, and a name may equal the beginning of another's id")
  func confusable() throws {
    try store.add("ABC", name: "WEB")
    try store.add("ab", name: "abcd.e-f_g")
    try store.add("x", name: "ab")
    #expect(try store.lookUpContainer("ABC").name == "WEB")
    #expect(try store.lookUpContainer("abc").name == "web")
    #expect(try store.lookUpContainer("ab").id.rawValue == "x")
    let files = entries(ofDirectory: fixture.root + "/locks")
    #expect(files == ["ABC.lock", "ab.lock", "abc.lock", "abd.lock", "x.lock"])
    for id in ["0", "a..", "a.lock", "a.json", "con", "a__", "9.-_"] { try store.add(id) }
    #expect(try store.lookUpContainer("a.l").id.rawValue == "a.lock")
    try expectClean(store)
  }

  @Test("every code has a stable name of its own, and no error of a misuse lacks a subject or a remedy")
  func codes() {
    #expect(Set(StoreError.Code.allCases.map(\.rawValue)).count == StoreError.Code.allCases.count)
    let needed = [
      "closed", "emptyID", "invalidArgument", "notFound", "alreadyExists", "ambiguous", "removed", "inUse",
      "invalidTransition", "wrongPod", "alreadyConnected", "notConnected", "lockTimeout", "wouldDeadlock",
      "lockLost",
      "scopeEnded", "durabilityUnknown", "busy", "conflict", "corrupt", "identityMismatch", "schemaTooNew",
      "schemaTooOld", "notDatabase", "unsafeFilesystem", "unsafePermissions", "outOfSpace", "readOnly", "io",
      "unsupported", "usedAfterFork", "storeReplaced",
    ]
    #expect(Set(needed).subtracting(StoreError.Code.allCases.map(\.rawValue)) == [])
  }

  @Test("45: no value of a label, of `extra` or of a specification is in any error of a failed add")
  func secrets() throws {
    let secret = "hunter2"
    let extra = try JSONBytes("{\"password\":\"\(secret)\"}")
    for (id, name, dependencies) in [("abc", "new", []), ("new", "web", []), ("new", "new", ["gone"])] {
      let configuration = try ContainerConfiguration.plain(
        id, name: name, dependingOn: dependencies, labels: ["password": secret], extra: extra)
      let error = #expect(throws: StoreError.self) {
        try store.add(configuration, specification: extra, stateExtra: extra)
      }
      #expect("\(String(describing: error))".contains(secret) == false)
    }
  }
}
