internal import StoreHistory
internal import Testing

/// A history made by hand, and what is wrong with it.
struct Story: Sendable, CustomTestStringConvertible {
  let name: String
  let kinds: [Anomaly.Kind]
  var operations: [Operation]
  var lives: [Int32: Life] = [:]
  var keptChanges: Int64?

  init(
    _ name: String, _ kind: Anomaly.Kind?, and other: Anomaly.Kind? = nil, lives: [Int32: Life] = [:],
    keptChanges: Int64? = nil, _ operations: [Operation]
  ) {
    self.name = name
    self.keptChanges = keptChanges
    kinds = [kind, other].compactMap { $0 }
    self.operations = operations
    self.lives = lives
  }

  var history: History { History(operations, lives: lives, keptChanges: keptChanges) }
  var testDescription: String { name }
}

/// `generation.revision.value`.
func v(_ generation: Int64, _ revision: Int64, _ value: UInt64) -> Version {
  Version(generation: generation, revision: revision, value: value)
}

/// The operations of one session, one after the other unless times say otherwise.
struct Actor {
  let session: Int32
  var thread: Int32 = 0

  /// A write that the store acknowledged.
  func write(
    _ began: UInt64, _ ended: UInt64, _ object: Int, _ version: Version, over base: Version? = nil,
    as verb: Verb = .update
  ) -> Operation {
    var access = Access(object: object, value: verb == .remove ? nil : version.value)
    if let base { access.section = section(began + 1, base: base) }
    return Operation(
      session: session, thread: thread, verb, began: began, ended: ended, accesses: [access],
      outcome: .succeeded([Seen(object: object, version: version)]))
  }

  func add(_ began: UInt64, _ ended: UInt64, _ object: Int, _ version: Version) -> Operation {
    write(began, ended, object, version, as: .add)
  }

  func remove(_ began: UInt64, _ ended: UInt64, _ object: Int, _ version: Version) -> Operation {
    write(began, ended, object, version, as: .remove)
  }

  /// A write of which no end was seen.
  func killed(
    _ verb: Verb, _ began: UInt64, _ object: Int, value: UInt64? = nil, over base: Version? = nil
  ) -> Operation {
    var access = Access(object: object, value: value)
    if let base { access.section = section(began + 1, base: base) }
    return Operation(session: session, thread: thread, verb, began: began, accesses: [access])
  }

  /// A call that ended otherwise than well.
  func ended(
    _ verb: Verb, _ began: UInt64, _ ended: UInt64, _ object: Int, value: UInt64? = nil,
    intermediate: [UInt64] = [], _ outcome: Outcome
  ) -> Operation {
    let access = Access(object: object, value: value, intermediateValues: intermediate)
    return Operation(
      session: session, thread: thread, verb, began: began, ended: ended, accesses: [access], outcome: outcome
    )
  }

  func read(_ began: UInt64, _ ended: UInt64, _ object: Int, _ version: Version) -> Operation {
    look(.read, began, ended, [Seen(object: object, version: version)])
  }

  func look(_ verb: Verb, _ began: UInt64, _ ended: UInt64, _ seen: [Seen]) -> Operation {
    Operation(
      session: session, thread: thread, verb, began: began, ended: ended,
      accesses: verb == .list ? [] : seen.map { Access(object: $0.object) }, outcome: .succeeded(seen))
  }

  /// A list, which names what is there.
  func list(_ began: UInt64, _ ended: UInt64, _ there: [Int: Version]) -> Operation {
    let seen = there.sorted { $0.key < $1.key }.map { Seen(object: $0.key, version: $0.value) }
    return look(.list, began, ended, seen)
  }

  func absent(_ began: UInt64, _ ended: UInt64, _ object: Int) -> Operation {
    look(.has, began, ended, [Seen(object: object, isThere: false)])
  }

  /// Several writes under all locks, each with its commit noted.
  func batch(
    _ began: UInt64, _ ended: UInt64,
    _ writes: [(object: Int, base: Version, written: Version?, committed: UInt64)]
  ) -> Operation {
    let accesses = writes.map { one in
      Access(
        object: one.object, value: one.written?.value,
        section: section(began + 1, base: one.base, token: Int64(one.committed)),
        committed: one.written == nil ? nil : one.committed, written: one.written)
    }
    let seen = writes.compactMap { one in one.written.map { Seen(object: one.object, version: $0) } }
    return Operation(
      session: session, thread: thread, .batch, began: began, ended: ended, accesses: accesses,
      outcome: .succeeded(seen))
  }

  /// A stay under the lock without a write.
  func hold(
    _ began: UInt64, _ ended: UInt64, inside: (UInt64, UInt64?), token: Int64, found: Int32 = 0,
    hasEnd: Bool = true, of object: Int = 1
  ) -> Operation {
    let section = Section(
      entered: inside.0, left: inside.1, token: Token(epoch: 1, bootNanoseconds: token), found: found)
    return Operation(
      session: session, thread: thread, .section, began: began, ended: hasEnd ? ended : .max,
      accesses: [Access(object: object, section: section)], outcome: hasEnd ? .succeeded([]) : .unknown)
  }

  private func section(_ entered: UInt64, base: Version, token: Int64? = nil) -> Section {
    Section(
      entered: entered, token: Token(epoch: 1, bootNanoseconds: token ?? Int64(entered)), base: base)
  }
}

// MARK: - The same about object 1

extension Actor {
  func write(_ began: UInt64, _ ended: UInt64, _ version: Version, over base: Version? = nil) -> Operation {
    write(began, ended, 1, version, over: base)
  }

  func add(_ began: UInt64, _ ended: UInt64, _ version: Version) -> Operation {
    add(began, ended, 1, version)
  }

  func remove(_ began: UInt64, _ ended: UInt64, _ version: Version) -> Operation {
    remove(began, ended, 1, version)
  }

  func read(_ began: UInt64, _ ended: UInt64, _ version: Version) -> Operation {
    read(began, ended, 1, version)
  }

  /// An update of which no end was seen.
  func killed(_ began: UInt64, value: UInt64, over base: Version? = nil) -> Operation {
    killed(.update, began, 1, value: value, over: base)
  }
}
