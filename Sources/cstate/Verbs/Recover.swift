internal import ContainerStateStore
internal import OCIEngine

extension Verb {
  static let recover = Verb(
    "recover", "Make store and machine agree after kills, crashes and reboots",
    details: [
      "Finishes or undoes what dead processes had begun, records ends that nobody recorded, removes what "
        + "is left over of containers that are gone. Running it twice changes nothing more. Prints one "
        + "line for each thing it did."
    ],
    json:
      "{\"rebooted\": BOOL, \"reset\": [{\"id\": TEXT, \"from\": TEXT, \"to\": TEXT}, …], "
      + "\"settled\": [{\"id\": TEXT, \"settlement\": TEXT}, …], "
      + "\"removed_directories\": [TEXT, …], \"reaped_lockfiles\": [TEXT, …], "
      + "\"reaped_specification_files\": [TEXT, …], \"held\": [TEXT, …], "
      + "\"unmounted_volumes\": [TEXT, …], \"held_volumes\": [TEXT, …], "
      + "\"failures\": [{\"subject\": TEXT, \"message\": TEXT}, …]}",
    example: "cstate recover"
  ) { invocation in
    let recovery = try invocation.engine().recover()
    if invocation.settings.printsJSON {
      invocation.print(json(of: recovery))
    } else {
      print(recovery, on: invocation)
    }
    for failure in recovery.unsettled {
      invocation.report(UnsettledError(message: failure.message), subject: failure.subject)
    }
    return ExitStatus.done
  }

  private static func print(_ recovery: EngineRecovery, on invocation: Invocation) {
    var table = Table("SUBJECT", "DONE")
    var isEmpty = true
    func add(_ subject: String, _ done: String) {
      table.add(subject, done)
      isEmpty = false
    }
    if recovery.store.wasRebooted { add("store", "recovered after a reboot") }
    for reset in recovery.store.reset { add(reset.id.rawValue, "\(reset.from.name) became \(reset.to.name)") }
    for name in recovery.store.unmountedVolumes { add("volume \(name)", "no container has it mounted") }
    for (id, settlement) in recovery.settled { add(id.rawValue, settlement.sentence) }
    for path in recovery.removedDirectories { add(path, "left over, removed") }
    for name in recovery.store.reapedLockFiles + recovery.store.reapedSpecificationFiles {
      add(name, "left over, removed")
    }
    for subject in recovery.store.held.map(\.rawValue) + recovery.store.heldVolumes.map({ "volume \($0)" }) {
      add(subject, "not looked at: somebody is at work on it")
    }
    if isEmpty {
      invocation.output.line("Nothing to recover.")
    } else {
      table.print(to: &invocation.output)
    }
  }

  private static func json(of recovery: EngineRecovery) -> JSONBytes {
    .object { json in
      json.member("rebooted", recovery.store.wasRebooted)
      json.objects("reset", recovery.store.reset) { json, reset in
        json.member("id", reset.id.rawValue)
        json.member("from", reset.from.name)
        json.member("to", reset.to.name)
      }
      json.pairs(
        "settled", "id", "settlement", recovery.settled.map { ($0.id.rawValue, $0.settlement.rawValue) })
      json.member("removed_directories", recovery.removedDirectories)
      json.member("reaped_lockfiles", recovery.store.reapedLockFiles)
      json.member("reaped_specification_files", recovery.store.reapedSpecificationFiles)
      json.member("held", recovery.store.held.map(\.rawValue))
      json.member("unmounted_volumes", recovery.store.unmountedVolumes.map(\.rawValue))
      json.member("held_volumes", recovery.store.heldVolumes)
      json.pairs("failures", "subject", "message", recovery.unsettled)
    }
  }
}

extension EngineRecovery {
  /// What neither store nor engine could settle, and why.
  fileprivate var unsettled: [(subject: String, message: String)] {
    failures
      + store.failures.map { failure in
        (failure.subject, failure.cause.isEmpty ? failure.message : "\(failure.message) (\(failure.cause))")
      }
  }
}

/// Something that a recovery could not settle.
private struct UnsettledError: Error, CustomStringConvertible {
  let message: String
  var description: String { "not recovered: \(message)" }
}

extension JSONWriter {
  /// Writes a member whose value is an array of objects with two texts each.
  fileprivate mutating func pairs(
    _ key: String, _ first: String, _ second: String, _ pairs: [(String, String)]
  ) {
    objects(key, pairs) { json, pair in
      json.member(first, pair.0)
      json.member(second, pair.1)
    }
  }
}

extension Settlement {
  /// What was done, for people.
  fileprivate var sentence: String {
    switch self {
    case .nothing: "nothing to do"
    case .leftToOwner: "a living process is stopping it"
    case .createUndone: "an unfinished creation was undone"
    case .startUndone: "an unfinished start was undone"
    case .startFinished: "an unrecorded start was recorded"
    case .stopUndone: "an unfinished stop was undone: it runs"
    case .exitRecorded: "its end was recorded, with an unknown exit code"
    case .cleanedUp: "its OCI runtime's state was deleted"
    case .removed: "an unfinished removal was finished"
    }
  }
}
