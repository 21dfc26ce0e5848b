internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import Platform

/// An operation that is repeated under faults until it passes untouched.
enum FaultOperation: String, CaseIterable {
  case openFirst = "open-first"
  case open
  /// Recovers the WAL of a process that was killed.
  case openAfterKill = "open-after-kill"
  /// Is the first of a boot, and resets what the last one left.
  case reboot
  case migrate, add, update
  case recordExit = "record-exit"
  case remove, read, list
  case lookUp = "look-up"
  /// An update whose commit finds a WAL checkpoint due.
  case checkpoint
  /// An update whose commit finds one due of a WAL that is long enough to be copied ahead.
  case copyAhead = "copy-ahead"
  /// A durable update after a sync that failed.
  case makeUp = "make-up"
  case makeDurable = "make-durable"
  /// The last one out, who leaves a short WAL.
  case close
  case recover, verify
  /// Lock and unlock of a container that is there.
  case lock
  /// Lock and unlock of one that is not: its lockfile is made and removed.
  case unlink

  /// It opens a store itself.
  var opens: Bool { [.openFirst, .open, .openAfterKill, .reboot, .migrate].contains(self) }
  /// It needs a directory of its own each time.
  var needsFreshStore: Bool { self == .openFirst || self == .migrate }
  /// What a fresh process sees of the subject where the operation has not taken effect.
  var before: String {
    switch self {
    case .add, .openFirst, .unlink: "absent"
    case .openAfterKill: after
    case .reboot: after
    default: "running 0 -"
    }
  }
  /// What it sees where it has.
  var after: String {
    switch self {
    case .add: "configured 0 -"
    case .update, .checkpoint, .copyAhead, .makeUp: "running 1 -"
    case .openAfterKill: "running 30 -"
    case .recordExit: "stopped 0 7"
    case .reboot: "exited 0 -1"
    case .remove: "absent"
    default: before
    }
  }
}

/// A store, and the container that one trial of an operation is about.
final class FaultSubject {
  let operation: FaultOperation
  let root: String
  let number: UInt64
  let id: ContainerID
  private(set) var store: StateStore?

  /// As long as engines have them, so that it takes several pages.
  static let specification = JSONBytes(
    unchecked: Array("{\"ociVersion\":\"1.0.2\",\"annotations\":{\"a\":\"".utf8)
      + [UInt8](repeating: UInt8(ascii: "x"), count: 12_000) + Array("\"}}".utf8))

  /// What a migration adds.
  static let addition = "record_by_image"
  private static let migration = [
    "CREATE INDEX \(addition) ON record (image_id)", "UPDATE container_state SET health = 'migrated'",
  ]

  init(_ operation: FaultOperation, root: String, number: UInt64) throws {
    self.operation = operation
    self.root = root
    self.number = number
    id = try ContainerID("subject-\(operation.rawValue)-\(number)")
  }

  /// Brings the store to where the operation begins.
  func prepare() throws {
    switch operation {
    case .openFirst: return
    case .openAfterKill: return try leaveWAL()
    case .migrate:
      try open(schema: .current)
      try add(id, status: .running)
      return try forget()
    case .reboot: try open(boot: "before-\(number)")
    default: try open(checkpointFrames: operation == .checkpoint ? 1 : 1_000)
    }
    if operation.before != "absent" || operation == .reboot { try add(id, status: .running) }
    if operation == .close { for _ in 0..<120 { try change { $0.health += "." } } }
    if operation == .copyAhead { try lengthenWAL() }
    if operation == .makeUp { try failSync() }
    if operation == .recover { try leaveOrphans() }
    if operation.opens { try forget() }
  }

  /// The operation; what it says to a subject that is not there is no failure of `unlink`.
  func perform() throws {
    switch operation {
    case .openFirst, .open, .openAfterKill, .reboot, .migrate: try openAsJudgesDo()
    case .add: try add(id, status: .configured, durability: .durable)
    case .update, .checkpoint, .copyAhead, .makeUp: try change(durability: .durable) { $0.restartCount = 1 }
    case .recordExit:
      try locked { try $0.recordExit(code: 7, finishedAt: .now) }
    case .remove: try locked { try $0.remove() }
    case .read:
      let container = try opened.container(id)
      guard container.state.status == .running, try opened.specification(of: id) == Self.specification else {
        throw FaultFinding("a read gave \(container.state.status.name)")
      }
    case .list:
      let list = try opened.containerSummaries()
      guard list.corrupt.isEmpty, list.containers.contains(where: { $0.id == id }),
        try opened.containers().contains(where: { $0.id == id })
      else { throw FaultFinding("a listing left out \(id), or named as corrupt \(list.corrupt)") }
    case .lookUp:
      guard try opened.lookUpContainer("name-\(id)").id == id else { throw FaultFinding("another container") }
    case .makeDurable: try opened.makeDurable()
    case .close: try opened.close()
    case .recover:
      let failures = try opened.recover().failures
      if let failure = failures.first { throw failure }
    case .verify:
      // SQLite's own check names a page that it cannot read and goes on.
      let violations = try opened.verify().filter { !$0.message.contains("unable to get the page") }
      guard violations.isEmpty else { throw FaultFinding("false alarm: \(violations)") }
    case .lock: try locked { _ in }
    case .unlink:
      do { try locked { _ in } } catch let error as StoreError where error.code == .notFound {}
    }
  }

  /// Opens the store as it is to be opened after the operation.
  func openAsJudgesDo() throws {
    store = nil
    switch operation {
    case .reboot: try open(boot: "after-\(number)")
    case .migrate:
      try open(schema: .current.migrated(by: Self.migration))
    default: try open()
    }
  }

  /// What can be seen of the subject.
  func observed() throws -> String {
    guard try opened.hasContainer(id) else { return "absent" }
    let state = try opened.state(of: id)
    guard try opened.specification(of: id) == Self.specification else { return "another specification" }
    return "\(state.status.name) \(state.restartCount) \(state.exitCode.map(String.init) ?? "-")"
  }

  func forget() throws {
    try store?.close()
    store = nil
  }

  /// A whole life of another container, and of the subject's end where it is still there.
  func liveOn(named name: String, removingSubject: Bool) throws {
    let other = try ContainerID("\(name)-\(number)")
    try add(other, status: .configured)
    try opened.withLockedContainer(other, wait: .upTo(.seconds(2))) { locked in
      try locked.update(durability: .committed) { $0.status = .created }
      try locked.remove(durability: .committed)
    }
    guard try opened.hasContainer(id) else { return }
    try opened.withLockedContainer(id, wait: .none) {
      if removingSubject { try $0.remove(durability: .committed) }
    }
  }

  var opened: StateStore {
    guard let store else { preconditionFailure("open first") }
    return store
  }
}

// MARK: - The parts

extension FaultSubject {
  private func open(
    boot: String? = nil, schema: Schema? = nil, checkpointFrames: Int32 = 1_000
  ) throws {
    var options = StoreOptions()
    // Else the kernel's own, which is read with calls that can fail too.
    options.bootID = boot ?? (operation == .reboot ? "after-\(number)" : nil)
    options.operationTimeout = .seconds(2)
    options.walCheckpointFrames = checkpointFrames
    store = try StateStore(at: StoreLocation(root: root), options: options, schema: schema ?? .current)
  }

  private func add(_ id: ContainerID, status: ContainerStatus, durability: Durability = .committed) throws {
    let configuration = try ContainerConfiguration(id: id, name: "name-\(id)", createdAt: .now)
    try opened.add(
      configuration, specification: Self.specification, state: ContainerState(status: status),
      durability: durability)
  }

  private func locked(_ body: (borrowing LockedContainer) throws -> Void) throws {
    try opened.withLockedContainer(id, wait: .upTo(.seconds(2)), body)
  }

  private func change(
    durability: Durability = .committed, _ change: (inout ContainerState) -> Void
  ) throws {
    try locked { try $0.update(durability: durability, change) }
  }

  private func failSync() throws {
    Failpoints.arm("commit.before-sync=error:EIO")
    defer { Failpoints.arm("") }
    do {
      try change(durability: .durable) { $0.health += "." }
    } catch let error as StoreError where error.code == .durabilityUnknown { return }
    throw FaultFinding("a failed sync was not told")
  }

  /// Leaves a WAL that the store, opened anew, finds far beyond its limit.
  private func lengthenWAL() throws {
    for _ in 0..<40 { try change { $0.restartCount ^= 2 } }
    let writer = store
    try open(checkpointFrames: 40)
    try writer?.close()
  }

  /// What a writer that was killed may leave: a copy, and a lockfile.
  private func leaveOrphans() throws {
    let location = opened.location
    for path in [
      "\(location.specificationDirectory)/orphan-\(number).json",
      "\(location.lockDirectory)/orphan-\(number).lock",
    ] {
      let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0, close(descriptor) == 0 else { throw FaultFinding("no orphan at \(path)") }
    }
  }

  /// A WAL with frames that nobody has open: their writer kills itself.
  private func leaveWAL() throws {
    let writer = forkChild {
      do {
        try self.open()
        try self.add(self.id, status: .running)
        for _ in 0..<30 { try self.change { $0.restartCount += 1 } }
      } catch {
        say("failed: \(error)")
        return 1
      }
      kill(getpid(), SIGKILL)
      return 1
    }
    guard waitForChild(writer) == 128 + SIGKILL else { throw FaultFinding("the writer failed") }
  }
}

/// What must not be.
struct FaultFinding: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
