internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Finding one container")
struct LookupTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("exact name beats exact id, exact id beats prefix, and a unique prefix finds its container")
  func precedence() throws {
    try store.add("abc", name: "first")
    try store.add("abcdef", name: "second")
    // The name of one is the id of another, and the beginning of two ids.
    try store.add("zzz", name: "abcdef")
    try store.add("yyy", name: "ab")
    #expect(try store.lookUpContainer("abcdef").id.rawValue == "zzz")
    #expect(try store.lookUpContainer("abc").id.rawValue == "abc")
    #expect(try store.lookUpContainer("ab").id.rawValue == "yyy")
    #expect(try store.lookUpContainer("abcd").id.rawValue == "abcdef")
    #expect(try store.lookUpContainer("z").id.rawValue == "zzz")
    #expect(try store.read { try $0.lookUpContainer("abcd").id.rawValue } == "abcdef")
    expectError(.notFound) { try store.lookUpContainer("abcdefg") }
    expectError(.notFound) { try store.lookUpContainer("nothing") }
  }

  @Test("more than one match is `ambiguous`, with up to ten candidates in order")
  func ambiguous() throws {
    for number in 10..<22 { try store.add("aa\(number)") }
    let error = expectError(.ambiguous) { try store.lookUpContainer("aa") }
    #expect(error?.candidates == (10..<20).map { "aa\($0)" })
    #expect(error?.message.contains("aa10") == true)
    #expect(expectError(.ambiguous) { try store.lookUpContainer("aa2") }?.candidates == ["aa20", "aa21"])
    #expect(expectError(.ambiguous) { try store.read { _ = try $0.lookUpContainer("aa2") } } != nil)
  }

  @Test("candidates that something else wrote are shown escaped")
  func escapedCandidates() throws {
    for id in ["aa1", "aa2"] { try store.add(id) }
    try fixture.shell("UPDATE record SET id = 'aa' || char(27) || '[31m' WHERE id = 'aa1';")
    let error = expectError(.ambiguous) { try store.lookUpContainer("aa") }
    #expect(error?.candidates == ["aa\\u{1b}[31m", "aa2"])
    #expect(error?.description.contains("\u{1b}") == false)
  }

  @Test("lookup is case-sensitive, and no character is a wildcard")
  func literal() throws {
    try store.add("abcd", name: "Web")
    try store.add("axcd", name: "a_c")
    expectError(.notFound) { try store.lookUpContainer("web") }
    expectError(.notFound) { try store.lookUpContainer("ABC") }
    #expect(try store.lookUpContainer("a_c").id.rawValue == "axcd")
    expectError(.notFound) { try store.lookUpContainer("a_cd") }
    expectError(.notFound) { try store.lookUpContainer("a.cd") }
    for text in ["%", "a%", "_", "_bcd", "a*", "a?cd", "[a]bcd"] {
      expectError(.invalidArgument, text) { try store.lookUpContainer(text) }
    }
  }

  @Test("a prefix ends where ids end: what comes after the last letter is still found")
  func prefixRange() throws {
    try store.add("az", name: "one")
    try store.add("azzz", name: "two")
    try store.add("b", name: "three")
    #expect(try store.lookUpContainer("azz").id.rawValue == "azzz")
    #expect(try store.lookUpContainer("az").id.rawValue == "az")
    expectError(.ambiguous) { try store.lookUpContainer("a") }
    let longest = String(repeating: "c", count: 128)
    try store.add(longest, name: String(repeating: "n", count: 255))
    #expect(try store.lookUpContainer(String(repeating: "c", count: 127)).id.rawValue == longest)
    #expect(try store.lookUpContainer(String(repeating: "n", count: 255)).id.rawValue == longest)
    expectError(.notFound) { try store.lookUpContainer(String(repeating: "c", count: 129)) }
  }

  @Test("an empty text is `emptyID`, for a lookup and for an id")
  func empty() throws {
    expectError(.emptyID) { try store.lookUpContainer("") }
    expectError(.emptyID) { try ContainerID("") }
    expectError(.emptyID) { try store.read { _ = try $0.lookUpContainer("") } }
  }

  @Test("nothing is said of a pod: its id is not had, not got, not found and not listed, and cannot be taken")
  func neverCrossesKinds() throws {
    try store.add("abc")
    let pod = try store.addPod("pod1", name: "web")
    #expect(try store.hasContainer(pod) == false)
    #expect(try store.read { try $0.hasContainer(pod) } == false)
    expectError(.notFound) { try store.container(pod) }
    expectError(.notFound) { try store.state(of: pod) }
    expectError(.notFound) { try store.specification(of: pod) }
    for text in ["pod1", "po", "web"] { expectError(.notFound, text) { try store.lookUpContainer(text) } }
    expectError(.notFound) { try store.withLockedContainer(pod, wait: .none) { _ in } }
    #expect(try store.containers().map(\.id.rawValue) == ["abc"])
    #expect(try store.containerSummaries().containers.count == 1)
    expectError(.alreadyExists, "I-1") { try store.add("pod1") }
    // I-2: names are unique per kind, so a container may have a pod's.
    try store.add("def", name: "web")
    expectError(.notFound) { try store.add("ghi", dependingOn: ["pod1"]) }
    try expectClean(store)
  }

  @Test("exact get, state and has agree on what is there")
  func exact() throws {
    let id = try store.add("abcdef")
    #expect(try store.hasContainer(id))
    #expect(try store.container(id).configuration.name == "name-abcdef")
    #expect(try store.state(of: id) == store.container(id).state)
    let prefix = try ContainerID("abc")
    #expect(try store.hasContainer(prefix) == false)
    expectError(.notFound) { try store.container(prefix) }
    expectError(.notFound) { try store.state(of: prefix) }
    expectError(.notFound) { try store.handle(for: prefix) }
    #expect(try store.hasContainer(try ContainerID("ABCDEF")) == false)
  }
}
