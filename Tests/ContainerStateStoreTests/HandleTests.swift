internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("A handle follows its row")
struct HandleTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("a refresh brings the state of now, whoever wrote it")
  func refresh() throws {
    let id = try store.add("abc")
    let handle = try store.handle(for: id)
    #expect((handle.state.status, handle.stateRevision) == (.configured, 1))
    let other = try fixture.open()
    try other.change(id) { $0.status = .created }
    #expect(handle.state.status == .configured)
    #expect(try handle.refresh().status == .created)
    #expect((handle.state.status, handle.stateRevision, handle.wasRemoved) == (.created, 2, false))
    #expect(handle.initial.status == .configured)
  }

  @Test("I-15: a vanished row is `notFound` first and `removed` from then on, even if the id was added again")
  func removed() throws {
    let id = try store.add("abc")
    let handle = try store.handle(for: id)
    try store.remove(id)
    #expect(!handle.wasRemoved)
    expectError(.notFound) { try handle.refresh() }
    #expect(handle.wasRemoved)
    expectError(.removed) { try handle.refresh() }
    try store.add("abc")
    expectError(.removed) { try handle.refresh() }
    #expect(try store.handle(for: id).refresh().status == .configured)
  }

  @Test("I-15: a row removed and added again between two refreshes is not taken for the old one")
  func replacedBetween() throws {
    let id = try store.add("abc")
    let handle = try store.handle(for: id)
    try store.remove(id)
    try store.add("abc")
    expectError(.notFound) { try handle.refresh() }
    #expect(handle.wasRemoved)
  }

  @Test("the network namespace: the same path keeps it open, another replaces it, an empty one closes it")
  func networkNamespace() throws {
    let id = try store.add("abc")
    let handle = try store.handle(for: id)
    #expect(handle.networkNamespace == nil)
    try store.change(id) { $0.networkNamespacePath = "/proc/self/ns/net" }
    try handle.refresh()
    let first = try #require(handle.networkNamespace)
    #expect(first.path == "/proc/self/ns/net")
    #expect(fcntl(first.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    try store.change(id) { $0.status = .created }
    try handle.refresh()
    #expect(handle.networkNamespace === first)

    try store.change(id) { $0.networkNamespacePath = "/proc/thread-self/ns/net" }
    try handle.refresh()
    let second = try #require(handle.networkNamespace)
    #expect(second !== first)
    #expect(second.path == "/proc/thread-self/ns/net")
    try store.change(id) { $0.networkNamespacePath = "" }
    try handle.refresh()
    #expect(handle.networkNamespace == nil)
  }

  @Test("the network namespace: a path of equal characters and other bytes is another path")
  func networkNamespaceByBytes() throws {
    let paths = ["caf\u{e9}", "cafe\u{301}"].map { fixture.directory.path($0) }
    for path in paths { try #require(symlink("/proc/self/ns/net", path) == 0) }
    let id = try store.add("abc")
    try store.change(id) { $0.networkNamespacePath = paths[0] }
    let handle = try store.handle(for: id)
    let first = try #require(handle.networkNamespace)
    try store.change(id) { $0.networkNamespacePath = paths[1] }
    try handle.refresh()
    let second = try #require(handle.networkNamespace)
    #expect(second !== first)
    #expect(Array(second.path.utf8) == Array(paths[1].utf8))
  }

  @Test(
    "a closed network namespace leaves no descriptor: by an empty path, by removal, by the end of the handle")
  func descriptors() throws {
    var state = ContainerState()
    state.networkNamespacePath = "/proc/self/ns/net"
    let id = try store.add("abc", state: state)
    func descriptor(_ handle: ContainerHandle) -> Int32 { handle.networkNamespace?.descriptor ?? -1 }
    func isNamespace(_ descriptor: Int32) -> Bool {
      var buffer = [CChar](repeating: 0, count: 64)
      guard readlink("/proc/self/fd/\(descriptor)", &buffer, 63) > 0 else { return false }
      return String(decoding: buffer.prefix(4).map { UInt8(bitPattern: $0) }, as: UTF8.self) == "net:"
    }
    var handle: ContainerHandle? = try store.handle(for: id)
    let first = descriptor(try #require(handle))
    #expect(isNamespace(first))
    handle = nil
    // Another test's handle may have got the number; an identity of ours it cannot have is this object's
    // path.
    let second = try store.handle(for: id)
    weak let namespace = second.networkNamespace
    #expect(namespace != nil)
    try store.change(id) { $0.networkNamespacePath = "" }
    try second.refresh()
    #expect(namespace == nil)
    try store.change(id) { $0.networkNamespacePath = "/proc/self/ns/net" }
    try second.refresh()
    weak let again = second.networkNamespace
    #expect(again != nil)
    try store.remove(id)
    expectError(.notFound) { try second.refresh() }
    #expect(again == nil)
  }

  @Test("L-3: a network namespace path that names a file of the store takes no lock of this process")
  func storeFiles() throws {
    let id = try store.add("abc")
    let other = try store.add("other")
    for path in [fixture.lockFile(other), fixture.databasePath] {
      try store.change(id) { $0.networkNamespacePath = path }
      try store.withLockedContainer(other, wait: .none) { _ in
        expectError(.invalidArgument) { try store.handle(for: id) }
        let holder = try store.lockReport().first { $0.subject == "other" }?.holder
        #expect(holder?.pid == getpid())
        let locks = try store.databaseLockReport().filter { $0.pid == getpid() }
        #expect(locks.contains { $0.meaning == "database" })
      }
    }
  }

  @Test("a refresh that ends after another has found the removal does not open the namespace again")
  func refreshAgainstRemoval() throws {
    var state = ContainerState()
    state.networkNamespacePath = "/proc/self/ns/net"
    for round in 0..<scaled(200) {
      let handle = try store.handle(for: try store.add("c\(round)", state: state))
      try inParallel(3) { number in
        if number == 0 { return try store.remove(handle.id) }
        while !handle.wasRemoved { _ = try? handle.refresh() }
      }
      #expect(handle.networkNamespace == nil, "round \(round)")
    }
  }

  @Test(
    "a path that is no network namespace is a typed error, without a hang, and the handle stays as it was",
    arguments: ["/etc/passwd", "/proc/self/ns/mnt", "/nowhere", "/tmp", "FIFO", "relative"])
  func noNamespace(path: String) throws {
    let fifo = fixture.directory.path("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    var state = ContainerState()
    state.networkNamespacePath = "/proc/self/ns/net"
    let id = try store.add("abc", state: state)
    let handle = try store.handle(for: id)
    let open = handle.networkNamespace
    try store.change(id) { $0.networkNamespacePath = path == "FIFO" ? fifo : path }
    let error = expectError(.invalidArgument) { try handle.refresh() }
    #expect(error?.subject == (path == "FIFO" ? fifo : path))
    #expect(handle.networkNamespace === open)
    #expect(handle.stateRevision == 1)
    expectError(.invalidArgument) { try store.handle(for: id) }
    try store.change(id) { $0.networkNamespacePath = "/proc/self/ns/net" }
    try handle.refresh()
    #expect(handle.networkNamespace === open)
    #expect(handle.stateRevision == 3)
  }
}
