internal import CBenchFloor
internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// What the peer's figures are made of: that its statements do what they are timed for.
@Suite("Peer of the bench")
struct PeerTests {
  private let directory: TemporaryDirectory
  private let database: OpaquePointer

  /// A database of twenty containers, made of the first one of a store.
  init() throws {
    directory = try TemporaryDirectory()
    let store = try StateStore(at: StoreLocation(root: directory.path("store")))
    var details = ContainerDetails()
    details.labels["org.example.first"] = "yes"
    try store.add(
      ContainerConfiguration(
        id: ContainerID(Self.text(capacity: 65) { bench_id(0, $0) }), name: "first", createdAt: .now,
        details: details),
      specification: JSONBytes(Array(#"{"ociVersion":"1.2.0"}"#.utf8)),
      stateExtra: JSONBytes(Array(#"{"of":"the embedder"}"#.utf8)))
    try store.close()
    peer_populate(directory.path("store/state.db"), directory.path("peer.db"), 20)
    database = try #require(peer_open(directory.path("peer.db")))
  }

  @Test("reads find by id, name and prefix what is there, and nothing else; a list is everything")
  func reads() throws {
    defer { peer_close(database) }
    let id = Self.text(capacity: 65) { bench_id(7, $0) }
    #expect(peer_has(database, id) == 1)
    #expect(peer_has(database, String(repeating: "0", count: 64)) == 0)
    for found in [
      peer_container(database, id), peer_look_up(database, "container-7"),
      peer_look_up(database, String(id.prefix(12))),
    ] {
      let json = try #require(taken(found))
      #expect(json.contains(#""spec":{"ociVersion":"1.2.0"}"#) && json.contains("org.example.first"))
    }
    let all = peer_all(database)
    defer { peer_free_list(all) }
    #expect(all.count == 40)
  }

  @Test("each save writes another state, an addition can be read and a removal takes it away")
  func writes() throws {
    defer { peer_close(database) }
    let id = Self.text(capacity: 65) { bench_id(3, $0) }
    let states = try (0..<3).map { _ in
      peer_save(database, id)
      return try #require(taken(peer_state(database, id)))
    }
    #expect(Set(states).count == 3 && states[0].contains(#""extra":{"of":"the embedder"}"#))
    let new = String(repeating: "ab", count: 32)
    peer_add(database, new, "new")
    #expect(taken(peer_container(database, new)) != nil && taken(peer_state(database, new)) != nil)
    peer_remove(database, new)
    #expect(peer_has(database, new) == 0 && taken(peer_state(database, new)) == nil)
  }

  private func taken(_ text: UnsafeMutablePointer<CChar>?) -> String? {
    defer { free(text) }
    return text.map { String(cString: $0) }
  }

  private static func text(capacity: Int, _ fill: (UnsafeMutablePointer<CChar>) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      fill(start)
      return String(cString: start)
    }
  }
}
