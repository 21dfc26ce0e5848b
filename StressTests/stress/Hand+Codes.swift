internal import ContainerStateStore
internal import StoreHistory

/// Exit codes: with the state, by themselves, and when their containers are gone (INVARIANT I-9).
extension Hand {
  func exitCode() {
    let object = drawObject()
    if plan.plants(.lostCode) {
      recordCode(of: object)
      return readCode(of: object)
    }
    switch draw(0...9) {
    case 0...3: end(object)
    case 4...5: recordCode(of: object)
    case 6...7: readCode(of: object)
    case 8: listCodes()
    default: pruneCodes()
    }
  }

  /// The end of a container's process: state and exit code in one transaction.
  func end(_ object: Int) {
    let value = nextValue()
    let code = objects.exitCode(of: object)
    perform(
      .update, [object, code], values: [value], allowed: [.notFound, .invalidTransition],
      because: { $0.code == .notFound ? [Seen(object: object, .absent)] : [] },
      { store in
        try locking(object, "end") { locked in
          try locked.recordExit(
            code: Content.exitCode(value),
            finishedAt: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: value)),
            status: locked.container.status == .exited ? .exited : .stopped, durability: durability)
          var seen = [noteWritten(locked, object)]
          // The store chose the time. Nobody else chooses one while the lock is held, but somebody may have
          // recorded another code.
          let recorded = try store.exitCode(of: try id(object))
          if Self.isTimeOfStore(recorded) {
            seen.append(self.seen(recorded, code))
            if recorded.code != Content.exitCode(value) {
              complaints.add(
                "container \(object) ended with \(value % 256), and \(recorded.code) is recorded")
            }
          }
          return seen
        }
      })
  }

  /// Values are small, as times go.
  private static func isTimeOfStore(_ code: ExitCode) -> Bool {
    code.recordedAt.nanosecondsSinceEpoch > 1 << 60
  }

  /// Under no lock, whether the container is there or not.
  func recordCode(of object: Int) {
    let value = nextValue()
    perform(.record, [objects.exitCode(of: object)], values: [value]) { store in
      try store.recordExitCode(
        of: try id(object), code: Content.exitCode(value),
        at: Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: value)), durability: durability)
      return []
    }
  }

  func readCode(of object: Int) { _ = hasCode(object) }

  /// Whether an exit code is recorded for it.
  func hasCode(_ object: Int) -> Bool {
    let code = objects.exitCode(of: object)
    var isRecorded = false
    perform(.read, [code], allowed: [.notFound]) { store in
      let found = try store.exitCode(of: try id(object))
      if plan.plants(.lostCode), draw(0...3) == 0 {
        plan.board.add(.planted)
        throw StoreError(.notFound, subject: "planted", message: "planted")
      }
      isRecorded = true
      return [seen(found, code)]
    }
    return isRecorded
  }

  func listCodes() {
    let scope = (0..<objects.count).map(objects.exitCode)
    perform(.listCodes, scope) { store in
      try store.exitCodes().compactMap { found in
        objects.object(ofID: found.container.rawValue).map { seen(found, objects.exitCode(of: $0)) }
      }
    }
  }

  /// Old ones, of which the containers are gone.
  func pruneCodes() {
    let age: Duration = draw(0...1) == 0 ? .zero : .seconds(300)
    perform(.prune) { store in
      try store.pruneExitCodes(olderThan: age, durability: durability)
        .compactMap { objects.object(ofID: $0.rawValue) }.flatMap { object in
          [Seen(object: objects.exitCode(of: object), .absent), Seen(object: object, .absent)]
        }
    }
  }

  private func seen(_ found: ExitCode, _ code: Int) -> Seen {
    let value = UInt64(bitPattern: found.recordedAt.nanosecondsSinceEpoch)
    if !Self.isTimeOfStore(found), found.code != Content.exitCode(value) { return Seen(object: code, .half) }
    return Seen(object: code, value: value)
  }
}
