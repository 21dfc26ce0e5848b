internal import StoreHistory

/// Objects of the stories about the whole model.
let pod1 = ObjectKind.pod.object(1)
let configuration1 = ObjectKind.configuration.object(1)
let volume1 = ObjectKind.volume.object(1)
let volumeConfiguration1 = ObjectKind.volumeConfiguration.object(1)
let session1 = ObjectKind.session.part(0, of: 1)
let connection1 = ObjectKind.connection.part(0, of: 1)
let networks1 = ObjectKind.networks.object(1)
let code1 = ObjectKind.exitCode.object(1)

func present(_ object: Int) -> Seen { Seen(object: object, .present) }
func isAbsent(_ object: Int) -> Seen { Seen(object: object, .absent) }

/// A change as a reader is told of it.
func change(
  _ sequence: Int64, _ action: ChangeSeen.Action, _ object: Int, _ revision: Int64, from: UInt8 = 0,
  to: UInt8 = 0
) -> ChangeSeen {
  ChangeSeen(sequence: sequence, object: object, action: action, revision: revision, from: from, to: to)
}

extension Actor {
  /// Several records in one commit.
  func commit(
    _ verb: Verb, _ began: UInt64, _ ended: UInt64, _ writes: [(object: Int, version: Version)],
    seeing others: [Seen] = []
  ) -> Operation {
    Operation(
      session: session, thread: thread, verb, began: began, ended: ended,
      accesses: writes.map { Access(object: $0.object, value: verb == .remove ? nil : $0.version.value) },
      outcome: .succeeded(writes.map { Seen(object: $0.object, version: $0.version) } + others))
  }

  /// Several records in one commit of which no end was seen; what stands under each lock was read.
  func killedCommit(
    _ verb: Verb, _ began: UInt64, _ writes: [(object: Int, value: UInt64, base: Version)]
  ) -> Operation {
    let accesses = writes.map { one in
      Access(
        object: one.object, value: one.value,
        section: Section(
          entered: began + 1, token: Token(epoch: 1, bootNanoseconds: Int64(began)), base: one.base))
    }
    return Operation(session: session, thread: thread, verb, began: began, accesses: accesses)
  }

  /// Several records removed together, of which the store names those that were there.
  func removeTogether(
    _ began: UInt64, _ ended: UInt64, _ objects: [Int], seeing seen: [Seen]
  ) -> Operation {
    Operation(
      session: session, thread: thread, .remove, began: began, ended: ended,
      accesses: objects.map { Access(object: $0) }, outcome: .succeeded(seen))
  }

  /// A call that was refused because of what was seen.
  func refused(
    _ verb: Verb, _ began: UInt64, _ ended: UInt64, _ objects: [Int], _ code: String, because seen: [Seen]
  ) -> Operation {
    Operation(
      session: session, thread: thread, verb, began: began, ended: ended,
      accesses: objects.map { Access(object: $0, value: verb == .remove ? nil : UInt64(began)) },
      outcome: .refused(code, because: seen))
  }

  /// A write that demands a revision, over a version that was read under the lock.
  func demanding(
    _ began: UInt64, _ ended: UInt64, revision: Int64, over base: Version, _ outcome: Outcome
  ) -> Operation {
    var access = Access(
      object: 1, value: UInt64(began),
      section: Section(entered: began + 1, token: Token(epoch: 1, bootNanoseconds: Int64(began)), base: base))
    access.expected = revision
    return Operation(
      session: session, thread: thread, .update, began: began, ended: ended, accesses: [access],
      outcome: outcome)
  }

  /// What a reader of the sequence of changes was told.
  func told(
    _ began: UInt64, _ ended: UInt64, after: Int64, _ changes: [ChangeSeen], trimmed: Bool = false,
    position: Int64? = nil, limit: Int = 100
  ) -> Operation {
    let seen = ChangesSeen(
      after: after, position: position ?? changes.last?.sequence ?? after, limit: limit, wasTrimmed: trimmed,
      changes: changes)
    return Operation(
      session: session, thread: thread, .changes, began: began, ended: ended, outcome: .changes(seen))
  }

  /// An exit code recorded by itself.
  func record(
    _ began: UInt64, _ ended: UInt64, _ value: UInt64, _ outcome: Outcome = .succeeded([])
  ) -> Operation {
    Operation(
      session: session, thread: thread, .record, began: began, ended: ended,
      accesses: [Access(object: code1, value: value)], outcome: outcome)
  }

  func code(_ began: UInt64, _ ended: UInt64, _ value: UInt64?) -> Operation {
    Operation(
      session: session, thread: thread, .read, began: began, ended: ended, accesses: [Access(object: code1)],
      outcome: value.map { .succeeded([Seen(object: code1, value: $0)]) } ?? .failed("notFound"))
  }

  func prune(_ began: UInt64, _ ended: UInt64) -> Operation {
    Operation(
      session: session, thread: thread, .prune, began: began, ended: ended,
      outcome: .succeeded([isAbsent(code1), isAbsent(1)]))
  }
}
