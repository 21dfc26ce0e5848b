internal import ContainerStateStore
internal import Glibc

extension CommandOption {
  static let allLocks = CommandOption("all", letter: "a", "Free locks and this command's own too")
}

extension Verb {
  static let locks = Verb(
    "locks", "Show every lock: holder, operation, age, waiters", options: [.allLocks],
    details: [
      "The write gate, the locks of containers, and SQLite's own locks on the database, foreign programs "
        + "included. Free ones and this command's own are left out unless -a is given. A pid of 0 is a "
        + "process outside this pid namespace, one of -1 belongs to a lock that the kernel ascribes to no "
        + "process."
    ],
    json: "{\"locks\": [{\"subject\": TEXT, \"holder\": {\"pid\": NUMBER, \"start_time_ticks\": NUMBER, "
      + "\"command\": TEXT, \"operation\": TEXT, \"age_ns\": NUMBER}, \"waiter_pids\": [NUMBER, …], "
      + "\"failure\": TEXT}, …], \"database_locks\": [{\"pid\": NUMBER, \"command\": TEXT, "
      + "\"meaning\": TEXT, \"waiting\": BOOL}, …]}; a free lock has no holder",
    example: "cstate locks"
  ) { invocation in
    let store = try invocation.store()
    let isShowingFree = invocation.arguments.has(.allLocks)
    let locks = try store.lockReport().filter {
      isShowingFree || $0.holder != nil || !$0.waiterPIDs.isEmpty || $0.failure != nil
    }
    // This command's own are there because it looks.
    let own = getpid()
    let databaseLocks = try store.databaseLockReport().filter { isShowingFree || $0.pid != own }
    if invocation.settings.printsJSON {
      invocation.print(json(locks, databaseLocks))
    } else {
      table(locks, databaseLocks).print(to: &invocation.output)
    }
    return ExitStatus.done
  }

  private static func table(_ locks: [LockStatus], _ databaseLocks: [DatabaseLockStatus]) -> Table {
    var table = Table("LOCK", "PID", "COMMAND", "OPERATION", "AGE", "WAITERS")
    for lock in locks {
      let waiters = lock.waiterPIDs.map(String.init).joined(separator: ",")
      if let failure = lock.failure {
        table.add(lock.subject, "?", failure.message, "", "", waiters)
        continue
      }
      let age = lock.holder?.ageNanoseconds.map { formattedDuration(nanoseconds: $0) } ?? ""
      table.add(
        lock.subject, lock.holder.map { "\($0.pid)" } ?? "", lock.holder?.command ?? "",
        lock.holder?.operation ?? "", age, waiters)
    }
    for lock in databaseLocks {
      table.add("database", "\(lock.pid)", lock.command, lock.meaning, "", lock.isWaiting ? "waits" : "")
    }
    return table
  }

  private static func json(_ locks: [LockStatus], _ databaseLocks: [DatabaseLockStatus]) -> JSONBytes {
    .object { json in
      json.objects("locks", locks) { json, lock in write(lock, to: &json) }
      json.objects("database_locks", databaseLocks) { json, lock in
        json.member("pid", lock.pid)
        json.member("command", lock.command)
        json.member("meaning", lock.meaning)
        json.member("waiting", lock.isWaiting)
      }
    }
  }

  private static func write(_ lock: LockStatus, to json: inout JSONWriter) {
    json.member("subject", lock.subject)
    if let holder = lock.holder {
      json.key("holder")
      json.beginObject()
      json.member("pid", holder.pid)
      json.member("start_time_ticks", holder.startTime)
      json.member("command", holder.command)
      json.member("operation", holder.operation)
      json.member("age_ns", holder.ageNanoseconds)
      json.endObject()
    }
    json.key("waiter_pids")
    json.beginArray()
    for pid in lock.waiterPIDs { json.int(pid) }
    json.endArray()
    json.member("failure", lock.failure.map { "\($0)" })
  }
}
