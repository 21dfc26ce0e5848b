internal import ContainerStateStore
internal import StoreHistory

/// The parts of a container: connections and exec sessions, each written under its lock.
///
/// The store counts no generation of them, and of connections no revision either. So what is written holds
/// the grant of the lock under which the part was added, which is greater each time, and counts on.
extension Hand {
  func connection() {
    guard let object = drawContainer(where: { !objects.connections(of: $0).isEmpty }) else { return }
    let connections = objects.connections(of: object)
    let chosen = connections[draw(0...connections.count - 1)]
    switch draw(0...9) {
    case 0...2: connect(chosen, of: object)
    case 3...5: modify(chosen, of: object)
    case 6...7: disconnect(chosen, of: object)
    default: listConnections(of: object)
    }
  }

  private func connect(_ connection: Int, of object: Int) {
    let value = nextValue()
    perform(
      Asked(.add, [connection], values: [value], locked: [object], allowed: [.notFound, .alreadyConnected]),
      because: { self.reasons($0, connection, of: object) },
      { store in
        try locking(object, "connect") { locked in
          _ = try lookAtConnections(of: object, only: connection)
          let version = Version(
            generation: locked.fencingToken.bootTimeNanoseconds, revision: 1, value: value)
          var options = NetworkOptions()
          options.extra = try Content.json(version)
          try locked.connect(
            try NetworkConnection(network: objects.network(connection), options: options),
            durability: durability)
          note { try $0.wrote(connection, version) }
          return [Seen(object: connection, version: version)]
        }
      })
  }

  /// Changes the options or the status.
  private func modify(_ connection: Int, of object: Int) {
    let value = nextValue()
    let ofStatus = draw(0...2) == 0
    perform(
      Asked(.update, [connection], values: [value], locked: [object], allowed: [.notFound, .notConnected]),
      because: { self.reasons($0, connection, of: object) },
      { store in
        try locking(object, "modify") { locked in
          let found = try lookAtConnections(of: object, only: connection).first
          var version = Version(generation: 0, revision: 0, value: 0)
          if case .version(let present) = found?.sight { version = present }
          version.revision += 1
          version.value = value
          let json = try Content.json(version)
          if ofStatus {
            try locked.setNetworkStatus(json, of: objects.network(connection), durability: durability)
          } else {
            var options = NetworkOptions()
            options.extra = json
            try locked.modify(objects.network(connection), options, durability: durability)
          }
          note { try $0.wrote(connection, version) }
          return [Seen(object: connection, version: version)]
        }
      })
  }

  private func disconnect(_ connection: Int, of object: Int) {
    perform(
      Asked(.remove, [connection], locked: [object], allowed: [.notFound, .notConnected]),
      because: { self.reasons($0, connection, of: object) },
      { store in
        try locking(object, "disconnect") { locked in
          let found = try lookAtConnections(of: object, only: connection)
          try locked.disconnect(objects.network(connection), durability: durability)
          return found
        }
      })
  }

  /// What a refusal says of the connection, or of the container.
  private func reasons(_ error: StoreError, _ connection: Int, of object: Int) -> [Seen] {
    switch error.code {
    case .notFound: [Seen(object: object, .absent)]
    case .alreadyConnected: [Seen(object: connection, .present)]
    case .notConnected: [Seen(object: connection, .absent)]
    default: []
    }
  }

  private func listConnections(of object: Int) {
    perform(
      .list, objects.connections(of: object), allowed: [.notFound],
      because: { _ in [Seen(object: object, .absent)] },
      { store in
        try store.networks(of: try id(object)).compactMap { seen($0, of: object) }
          + [Seen(object: object, .present)]
      })
  }

  private func seen(_ connection: NetworkConnection, of object: Int) -> Seen? {
    guard let known = objects.connection(to: connection.network, of: object) else { return nil }
    return Content.version(of: connection).map { Seen(object: known, version: $0) }
      ?? Seen(object: known, .half)
  }

  /// What a container is connected to, read under its lock and written down; also what it is not.
  func lookAtConnections(of object: Int, only one: Int? = nil) throws -> [Seen] {
    let all = one.map { [$0] } ?? objects.connections(of: object)
    guard let store, !all.isEmpty else { return [] }
    let found = try store.networks(of: try id(object)).compactMap { seen($0, of: object) }
    return all.map { connection in
      let seen = found.first { $0.object == connection } ?? Seen(object: connection, .absent)
      looked(seen)
      return seen
    }
  }

  private func looked(_ seen: Seen) {
    var version: Version?
    if case .version(let found) = seen.sight { version = found }
    if seen.sight != .half { note { try $0.looked(seen.object, version) } }
  }
}

// MARK: - Exec sessions

extension Hand {
  func session() {
    guard let object = drawContainer(where: { !objects.sessions(of: $0).isEmpty }) else { return }
    let sessions = objects.sessions(of: object)
    let chosen = sessions[draw(0...sessions.count - 1)]
    switch draw(0...11) {
    case 0...2: addSession(chosen, of: object)
    case 3...4: updateSession(chosen, of: object)
    case 5...6: removeSession(chosen, of: object)
    case 7...8: removeSessions(of: object)
    case 9: readSession(chosen)
    case 10: listSessions()
    default: listSessions(of: object)
    }
  }

  private func addSession(_ session: Int, of object: Int) {
    let value = nextValue()
    perform(
      Asked(.add, [session], values: [value], locked: [object], allowed: [.notFound, .alreadyExists]),
      because: { self.reasons($0, session, of: object, exists: $0.code == .alreadyExists) },
      { store in
        try locking(object, "add session") { locked in
          _ = try lookAtSession(session)
          let version = Version(
            generation: locked.fencingToken.bootTimeNanoseconds, revision: 1, value: value)
          var added = ExecSession(
            id: try id(session), container: try id(object), command: ["stress", String(value)],
            createdAt: Timestamp(nanosecondsSinceEpoch: version.generation))
          try Content.change(&added, to: value)
          try locked.addExecSession(added, durability: durability)
          note { try $0.wrote(session, version) }
          return [Seen(object: session, version: version)]
        }
      })
  }

  private func updateSession(_ session: Int, of object: Int) {
    let value = nextValue()
    var asked = Asked(.update, [session], values: [value], locked: [object], allowed: [.notFound])
    if draw(0...4) == 0 {
      asked.expected = [session: Int64(draw(1...2))]
      asked.allowed.insert(.conflict)
    }
    perform(
      asked, because: { self.reasons($0, session, of: object, exists: $0.code == .conflict) },
      { store in
        try locking(object, "update session") { locked in
          let found = try lookAtSession(session)
          try locked.updateExecSession(
            try id(session), expecting: asked.expected[session], durability: durability
          ) { try Content.change(&$0, to: value) }
          guard case .version(var version) = found.sight else { return [] }
          version.revision += 1
          version.value = value
          note { [version] in try $0.wrote(session, version) }
          return [Seen(object: session, version: version)]
        }
      })
  }

  private func removeSession(_ session: Int, of object: Int) {
    perform(
      Asked(.remove, [session], locked: [object], allowed: [.notFound]),
      because: { self.reasons($0, session, of: object, exists: false) },
      { store in
        try locking(object, "remove session") { locked in
          let found = try lookAtSession(session)
          try locked.removeExecSession(try id(session), durability: durability)
          return [found]
        }
      })
  }

  private func removeSessions(of object: Int) {
    let sessions = objects.sessions(of: object)
    perform(
      Asked(.remove, sessions, locked: [object], allowed: [.notFound]),
      because: { _ in [Seen(object: object, .absent)] },
      { store in
        try locking(object, "remove sessions") { locked in
          let found = try sessions.map { try lookAtSession($0) }
          let removed = try locked.removeAllExecSessions(durability: durability)
          let gone = Set(removed.compactMap { objects.session(ofID: $0.rawValue) })
          if gone != Set(found.filter { $0.sight != .absent }.map(\.object)) {
            complaints.add("sessions \(removed) of \(object) were removed, and \(found) were there")
          }
          return found
        }
      })
  }

  /// Of a container that is not there the store says so; what is not there of a container, too.
  private func reasons(_ error: StoreError, _ session: Int, of object: Int, exists: Bool) -> [Seen] {
    if exists { return [Seen(object: session, .present)] }
    let isOfContainer = error.subject == objects.idText(object)
    return error.code == .notFound ? [Seen(object: isOfContainer ? object : session, .absent)] : []
  }

  /// A session as it is under the lock of its container, written down.
  private func lookAtSession(_ session: Int) throws -> Seen {
    guard let store else { return Seen(object: session, .absent) }
    let found: Seen
    do { found = seen(try store.execSession(try id(session)), session) } catch let error as StoreError
      where error.code == .notFound
    { found = Seen(object: session, .absent) }
    looked(found)
    return found
  }

  func readSession(_ session: Int) {
    perform(.read, [session], allowed: [.notFound]) { store in
      [seen(try store.execSession(try id(session)), session)]
    }
  }

  func listSessions() {
    perform(.listSessions) { store in try store.execSessions().compactMap(listed) }
  }

  private func listSessions(of object: Int) {
    perform(
      .list, objects.sessions(of: object), allowed: [.notFound],
      because: { _ in [Seen(object: object, .absent)] },
      { store in
        try store.execSessions(of: try id(object)).compactMap(listed) + [Seen(object: object, .present)]
      })
  }

  private func listed(_ session: ExecSession) -> Seen? {
    objects.session(ofID: session.id.rawValue).map { seen(session, $0) }
  }

  private func seen(_ found: ExecSession, _ session: Int) -> Seen {
    Content.version(of: found).map { Seen(object: session, version: $0) } ?? Seen(object: session, .half)
  }
}
