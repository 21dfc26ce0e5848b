/// Every error the store itself finds, named; failures of the kernel and of SQLite are mapped where they
/// arise.
extension StoreError {
  package static func closed(_ path: String) -> StoreError {
    StoreError(.closed, subject: path, message: "the store has been closed; open it again")
  }

  package static func usedAfterFork(_ path: String) -> StoreError {
    StoreError(
      .usedAfterFork, subject: path,
      message: "this process was forked from the one that opened the store; open it in the child after exec, "
        + "or fork before opening")
  }

  package static func emptyID() -> StoreError {
    StoreError(.emptyID, subject: "", message: "an id or name is needed and none was given")
  }

  package static func invalidArgument(_ subject: String, _ message: String) -> StoreError {
    StoreError(.invalidArgument, subject: subject, message: message)
  }

  package static func invalidIdentifier(_ kind: String, _ text: String, maximumLength: Int) -> StoreError {
    StoreError(
      .invalidArgument, subject: "\(kind) '\(printable(text))'",
      message: "use 1 to \(maximumLength) of letters, digits, '_', '.' and '-', the first a letter or digit")
  }

  package static func notFound(_ nameOrID: String) -> StoreError {
    StoreError(
      .notFound, subject: printable(nameOrID, limit: 128),
      message: "there is no container of this id or name; list what there is")
  }

  package static func removed(_ id: ContainerID) -> StoreError {
    StoreError(
      .removed, subject: id.rawValue,
      message: "the container that this handle belongs to has been removed; look it up again")
  }

  package static func idExists(_ id: ContainerID) -> StoreError {
    StoreError(
      .alreadyExists, subject: "id \(id.rawValue)",
      message: "the id is in use; generate another or remove its owner",
      candidates: [id.rawValue])
  }

  package static func nameExists(_ name: String, owner: String) -> StoreError {
    StoreError(
      .alreadyExists, subject: "name \(name)",
      message: "the name is in use by container \(owner); choose another or remove that container",
      candidates: [owner])
  }

  package static func ambiguous(_ prefix: String, candidates: [String]) -> StoreError {
    // They may come from a row that something else wrote.
    let candidates = candidates.map { printable($0, limit: 128) }
    return StoreError(
      .ambiguous, subject: printable(prefix, limit: 128),
      message:
        "more than one id begins like this (\(candidates.joined(separator: ", "))); "
        + "type more of it",
      candidates: candidates)
  }

  package static func inUse(_ id: ContainerID, by users: [String]) -> StoreError {
    let users = users.map { printable($0, limit: 128) }
    return StoreError(
      .inUse, subject: id.rawValue,
      message: "other containers depend on it (\(users.joined(separator: ", "))); remove them first",
      candidates: users)
  }

  package static func invalidTransition(
    _ id: ContainerID, from: ContainerStatus, to: ContainerStatus
  ) -> StoreError {
    StoreError(
      .invalidTransition, subject: id.rawValue,
      message: "a container that is \(from.name) cannot become \(to.name); "
        + "it can become \(from.successors.map(\.name).joined(separator: ", "))",
      candidates: [from.name, to.name])
  }

  package static func dependencyMissing(_ id: ContainerID, of dependant: ContainerID) -> StoreError {
    StoreError(
      .notFound, subject: id.rawValue,
      message: "container \(dependant.rawValue) is to depend on it, but it does not exist; add it first")
  }

  package static func dependencyOnItself(_ id: ContainerID) -> StoreError {
    StoreError(.invalidArgument, subject: id.rawValue, message: "a container cannot depend on itself")
  }

  package static func lockTimeout(
    _ subject: String, holder: LockHolder?, waitedNanoseconds: UInt64
  ) -> StoreError {
    let whom = holder.map { "\($0)" } ?? "a process that has let go meanwhile"
    let waited =
      waitedNanoseconds == 0 ? "" : " after waiting \(formattedDuration(nanoseconds: waitedNanoseconds))"
    return StoreError(
      .lockTimeout, subject: subject,
      message: "still locked by \(whom)\(waited); wait longer, or see what that process is doing",
      holder: holder)
  }

  package static func wouldDeadlock(_ subject: String, held: String) -> StoreError {
    StoreError(
      .wouldDeadlock, subject: subject,
      message: "this thread holds the lock of \(held), which comes after it in the lock order; "
        + "take several locks in one call")
  }

  package static func lockLost(_ subject: some CustomStringConvertible) -> StoreError {
    StoreError(
      .lockLost, subject: "\(subject)",
      message:
        "the row has changed under the lock, so the lock was lost (code in this process closed the lockfile)"
        + "; read it again and repeat the operation")
  }

  package static func scopeEnded(_ subject: some CustomStringConvertible) -> StoreError {
    StoreError(
      .scopeEnded, subject: "\(subject)",
      message: "the scope of this lock has ended; take the lock again")
  }

  package static func conflict(
    _ subject: some CustomStringConvertible, expected: Int64, found: Int64
  ) -> StoreError {
    StoreError(
      .conflict, subject: "\(subject)",
      message: "revision \(expected) was expected and \(found) found; read it again and repeat")
  }

  package static func foreignIntent(_ id: ContainerID, _ intent: Intent) -> StoreError {
    StoreError(
      .conflict, subject: id.rawValue,
      message:
        "pid \(intent.ownerPID) began '\(intent.operation.name)' and did not end it; "
        + "finish or undo that first"
    )
  }

  package static func corrupt(_ subject: String, _ message: String, cause: String = "") -> StoreError {
    StoreError(
      .corrupt, subject: subject, message: message + "; run verify to see all that is damaged", cause: cause)
  }

  package static func identityMismatch(_ field: String, recorded: String, given: String) -> StoreError {
    StoreError(
      .identityMismatch, subject: field,
      message: "the store was made with '\(printable(recorded, limit: 4096))' and is opened with "
        + "'\(printable(given, limit: 4096))'; open it with the former, or choose another store")
  }

  package static func storeReplaced(_ path: String) -> StoreError {
    StoreError(
      .storeReplaced, subject: path,
      message:
        "the file at this path is no longer the one this store has open; close the store and open it again")
  }

  package static func unsupported(_ subject: String, _ message: String) -> StoreError {
    StoreError(.unsupported, subject: subject, message: message)
  }
}
