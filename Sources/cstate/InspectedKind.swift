internal import ContainerStateStore

/// A kind of record that `inspect` finds by a name, as data.
struct InspectedKind: Sendable {
  /// As `--type` and the member `kind` have it.
  let name: String
  /// What the text stands for; `notFound` and `ambiguous` are answers like others.
  let find: @Sendable (String, StateStore) throws -> InspectedRecord

  /// In the order in which candidates are named.
  static let all: [InspectedKind] = [container, pod, volume, execSession, network]

  private static let container = InspectedKind(name: "container") { text, store in
    let found = try InspectedContainer(text, store: store)
    return InspectedRecord(id: found.id, isExact: found.name == text || found.id == text) {
      found.write(to: &$0, showsSecrets: $1)
    }
  }

  private static let pod = InspectedKind(name: "pod") { text, store in
    let found = try InspectedPod(store.lookUpPod(text), store: store)
    let pod = found.pod
    return InspectedRecord(id: pod.id.rawValue, isExact: pod.name == text || pod.id.rawValue == text) {
      found.write(to: &$0, showsSecrets: $1)
    }
  }

  private static let volume = InspectedKind(name: "volume") { text, store in
    let volume = try store.lookUpVolume(text)
    let found = InspectedVolume(
      volume: volume, users: try store.users(ofVolume: volume.name),
      mounters: try store.mounters(ofVolume: volume.name))
    return InspectedRecord(id: volume.name.rawValue, isExact: volume.name.rawValue == text) {
      found.write(to: &$0, showsSecrets: $1)
    }
  }

  private static let execSession = InspectedKind(name: "exec-session") { text, store in
    let session = try store.execSession(ContainerID(text))
    return InspectedRecord(id: session.id.rawValue, isExact: true) { json, _ in json.members(of: session) }
  }

  /// A network is known by what is connected to it.
  private static let network = InspectedKind(name: "network") { text, store in
    var filter = ContainerFilter()
    filter.network = text
    let connected = try store.containerSummaries(where: filter).containers.compactMap { container in
      try store.networks(of: container.id).first { $0.network == text }.map { (container, $0) }
    }
    guard !connected.isEmpty else { throw InspectedRecord.notFound(text, named: "network with containers") }
    return InspectedRecord(id: text, isExact: true) { json, _ in
      json.member("network", text)
      json.objects("containers", connected) { json, found in
        let (container, connection) = found
        json.member("id", container.id.rawValue)
        json.member("name", container.name)
        json.members(of: connection)
      }
    }
  }
}

/// What `inspect` found, read before anything is written.
struct InspectedRecord {
  let id: String
  /// Whether the text was the whole of its name or id.
  let isExact: Bool
  /// Writes its members; the last argument says whether secrets are shown.
  let writeMembers: (inout JSONWriter, Bool) -> Void

  init(id: String, isExact: Bool, _ writeMembers: @escaping (inout JSONWriter, Bool) -> Void) {
    self.id = id
    self.isExact = isExact
    self.writeMembers = writeMembers
  }

  static func notFound(_ text: String, named kinds: String) -> StoreError {
    StoreError(
      .notFound, subject: printable(text, limit: 128),
      message: "there is no \(kinds) of this name or id; list what there is")
  }
}

extension InspectedKind {
  /// The one record of these kinds that `text` stands for: a whole name or id goes before the beginning of
  /// one.
  ///
  /// - Throws: `notFound`; `ambiguous` naming all that it may stand for.
  static func find(
    _ text: String, among kinds: [InspectedKind], in store: StateStore
  ) throws -> (kind: String, record: InspectedRecord) {
    var found: [(kind: String, record: InspectedRecord)] = []
    var beginnings: [String] = []
    for kind in kinds {
      do { found.append((kind.name, try kind.find(text, store))) } catch let error as StoreError {
        switch error.code {
        case .notFound: break
        case .ambiguous: beginnings += error.candidates.map { "\(kind.name) \($0)" }
        // A session's id is shorter than a name may be; every other text that is no name is one nowhere.
        case .invalidArgument where kind.name != kinds.first?.name: break
        default: throw error
        }
      }
    }
    let exact = found.filter(\.record.isExact)
    let meant = exact.isEmpty ? found : exact
    let candidates = meant.map { "\($0.kind) \($0.record.id)" } + (exact.isEmpty ? beginnings : [])
    guard let first = meant.first, candidates.count == 1 else {
      if candidates.isEmpty {
        throw InspectedRecord.notFound(text, named: kinds.map(\.name).joined(separator: ", "))
      }
      throw StoreError(
        .ambiguous, subject: printable(text, limit: 128),
        message: "it may stand for \(candidates.joined(separator: ", ")); type more of it, or say --type",
        candidates: candidates)
    }
    return first
  }
}

extension JSONWriter {
  mutating func members(of session: ExecSession) {
    member("id", session.id.rawValue)
    member("container", session.container.rawValue)
    member("command", session.command)
    member("status", session.status.name)
    member("pid", session.pid)
    member("exit_code", session.exitCode)
    member("created_at_ns", session.createdAt.nanosecondsSinceEpoch)
    member("revision", session.revision)
    member("extra", session.extra)
  }

  /// Without the network's name.
  mutating func members(of connection: NetworkConnection) {
    let options = connection.options
    member("aliases", options.aliases)
    member("static_addresses", options.staticAddresses)
    member("interface", options.interfaceName.isEmpty ? nil : options.interfaceName)
    member("mac", options.hardwareAddress.isEmpty ? nil : options.hardwareAddress)
    member("extra", options.extra)
    member("status", connection.status)
  }
}
