internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// One process of the load: changes containers until it is killed or the file system fails it.
final class Worker {
  let root: String
  let bootID: String
  /// Unique in the run; every value it writes begins with it.
  let number: UInt64
  let lies: Bool
  let ledger: Ledger
  var random: RandomSource
  private var written: UInt64 = 0
  /// The containers that nobody else touches, oldest first.
  private var own: [String] = []

  static let sharedIDs = (0..<3).map { "shared-\($0)" }

  init(
    root: String, bootID: String, number: UInt64, seed: UInt64, ledgerPath: String, lies: Bool
  ) throws(StressFailure) {
    self.root = root
    self.bootID = bootID
    self.number = number
    self.lies = lies
    ledger = try Ledger(path: ledgerPath)
    random = RandomSource(seed: seed)
  }

  /// Works until something fails; what fails has been withdrawn or stays unknown.
  ///
  /// - Parameter moment: where it is not `random`, this worker stops itself once at that moment.
  /// - Returns: its exit status.
  func work(until moment: Moment) -> Int32 {
    do {
      var options = StoreOptions()
      options.bootID = bootID
      options.walCheckpointFrames = 200
      let store = try StateStore(at: StoreLocation(root: root), options: options)
      let turns = UInt64.random(in: 1...60, using: &random)
      for _ in 0..<turns { try takeTurn(store) }
      if moment != .random { try stop(at: moment, store) }
      while true { try takeTurn(store) }
    } catch {
      ledger.fail("\(error)")
      return 0
    }
  }

  private func takeTurn(_ store: StateStore) throws {
    let isDurable = UInt64.random(in: 0..<4, using: &random) > 0
    let shared = Self.sharedIDs[Int.random(in: 0..<Self.sharedIDs.count, using: &random)]
    switch UInt64.random(in: 0..<20, using: &random) {
    case 0...3: try addOwn(store, durable: isDurable)
    case 4: try add(shared, store, durable: isDurable)
    case 5: try remove(shared, store, durable: isDurable)
    case 6...8: if !own.isEmpty { try remove(own.removeFirst(), store, durable: isDurable) }
    case 9: try see(shared, store)
    case 10...15: if let last = own.last { try update(last, store, durable: isDurable) }
    default: try update(shared, store, durable: isDurable)
    }
  }
}

// MARK: - Changes

extension Worker {
  private func nextValue() -> UInt64 {
    written += 1
    return number * 1_000_000 + written
  }

  private func promise(_ durable: Bool) -> LedgerEntry.Promise { durable ? .durable : .committed }

  /// What the store is asked for.
  private func durability(_ durable: Bool) -> Durability { durable && !lies ? .durable : .committed }

  /// Adds a container that nobody else touches.
  @discardableResult
  func addOwn(_ store: StateStore, durable: Bool) throws -> String {
    let id = "w\(number)-\(written)"
    try add(id, store, durable: durable)
    own.append(id)
    return id
  }

  private func add(_ id: String, _ store: StateStore, durable: Bool) throws {
    var state = ContainerState()
    let value = nextValue()
    state.errorText = "\(value)"
    let configuration = try ContainerConfiguration(
      id: ContainerID(id), name: "name-\(id)", createdAt: .now, details: ContainerDetails())
    try record(.add, id, value: value, durable) {
      let added = try store.add(
        configuration, specification: JSONBytes("{}"), state: state, durability: durability(durable))
      return (added.generation, added.stateRevision)
    }
  }

  func update(_ id: String, _ store: StateStore, durable: Bool) throws {
    let value = nextValue()
    try record(.update, id, value: value, durable) {
      try store.withLockedContainer(ContainerID(id), wait: .upTo(.seconds(20))) {
        try $0.update(durability: durability(durable)) { $0.errorText = "\(value)" }
        return ($0.container.generation, $0.container.stateRevision)
      }
    }
  }

  private func remove(_ id: String, _ store: StateStore, durable: Bool) throws {
    try record(.remove, id, value: 0, durable) {
      try store.withLockedContainer(ContainerID(id), wait: .upTo(.seconds(20))) {
        try $0.remove(durability: durability(durable))
        return ($0.container.generation, $0.container.stateRevision)
      }
    }
  }

  /// Reads, and makes durable what was read.
  func see(_ id: String, _ store: StateStore) throws {
    try record(.sighting, id, value: 0, true) {
      let container = try store.container(ContainerID(id))
      if !lies { try store.makeDurable() }
      return (container.generation, container.stateRevision)
    }
  }

  /// Puts a call on record: before it, and what it returned.
  private func record(
    _ verb: LedgerEntry.Verb, _ id: String, value: UInt64, _ durable: Bool,
    _ call: () throws -> (generation: Int64, revision: Int64)
  ) throws {
    ledger.begin(verb, id, value: value)
    do {
      let (generation, revision) = try call()
      ledger.end(promise(durable), generation: generation, revision: revision)
    } catch let error as StoreError {
      // Only after COMMIT is an effect in doubt (I-14).
      if error.code != .durabilityUnknown { ledger.withdraw() }
      guard [.notFound, .alreadyExists].contains(error.code) else { throw error }
    }
  }
}
