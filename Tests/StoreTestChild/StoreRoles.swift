internal import CPlatform
internal import ContainerStateStore
internal import FileLocking
internal import Glibc

/// Roles for the tests of ContainerStateStore and what is above it.
let storeRoles: [String: Role] = [
  // store ROOT: obeys commands, one a line, and answers each with a line: `ok …`, or `error CODE message`.
  "store": { arguments in
    let session = StoreSession(root: arguments[0])
    say("ready")
    while let line = hear() {
      let words = line.split(separator: " ").map(String.init)
      do {
        let answer = try session.perform(words[0], Array(words.dropFirst()))
        say(answer.isEmpty ? "ok" : "ok \(answer)")
      } catch let error as StoreError {
        say("error \(error.code.rawValue) \(error)")
      } catch let error as LockError {
        say("error \(error)")
      }
    }
    return 0
  }
]

/// A store in a process of its own, driven by commands.
final class StoreSession {
  let root: String
  private var opened: StateStore?
  private var gate: FileLocking.WriteGate?

  init(root: String) { self.root = root }

  var store: StateStore {
    guard let opened else { preconditionFailure("open first") }
    return opened
  }

  /// Performs one command and returns what to answer.
  func perform(_ command: String, _ arguments: [String]) throws -> String {
    switch command {
    case "open": try open(arguments)
    case "close": try store.close()
    case "umask": umask(mode_t(arguments[0], radix: 8) ?? 0)
    case "verify": return try "\(store.verify())"
    case "recover": return try "\(store.recover().wasRebooted)"
    case "reserved": return try "\(store.facts().reservedBytes)"
    case "add-until-full": return try addUntilFull(arguments[0])
    case "hold-snapshot":
      try store.read { snapshot in
        _ = try snapshot.containerSummaries()
        sayAndWait("reading")
      }
    case "backup": try store.backUp(to: arguments[0])
    case "restore":
      try StateStore.restore(from: arguments[0], to: StoreLocation(root: root), replacing: true)
    case "remove-all": return try removeAll()
    case "add-pod":
      try store.addPod(
        PodConfiguration(id: ContainerID(arguments[0]), name: arguments[0], createdAt: .now))
    case "add-volume":
      try store.addVolume(VolumeConfiguration(name: VolumeName(arguments[0]), createdAt: .now))
    case "remove-volume":
      try store.withLockedVolume(VolumeName(arguments[0]), wait: Self.wait) { try $0.remove() }
    case "update-all": return try updateAll(Int(arguments[0]) ?? 1)
    case "facts": return try "\(store.facts().schemaVersion) \(store.facts().bootEpoch)"
    case "list": return try store.containers().map(\.id.rawValue).joined(separator: " ")
    case "stray": strayClose(arguments[0])
    case "fork": return "\(waitForChild(forkChild { self.useAfterFork(arguments[0]) }))"
    case "fork-exec": try forkAndExec()
    case "hold-gate": try holdGate()
    case "leave-gate": gate?.leave()
    case "cycle": return try cycle(Int(arguments[0]) ?? 0, on: arguments[1], whole: arguments[2] == "whole")
    case "open-and-close": try openAndClose(Int(arguments[0]) ?? 0)
    case "mix":
      let ids = try arguments.dropFirst(2).map { try ContainerID($0) }
      var load = try MixedLoad(store, seed: UInt64(arguments[0]) ?? 0, ids: ids)
      try load.run(rounds: Int(arguments[1]) ?? 0)
      return "\(store.keptAnswers.givenCount)"
    default: return try performOnContainer(command, arguments)
    }
    return ""
  }

  private func performOnContainer(_ command: String, _ arguments: [String]) throws -> String {
    let id = try ContainerID(arguments[0])
    switch command {
    case "add": try add(id, name: arguments[1], dependencies: arguments.dropFirst(2))
    case "get": return try describe(store.container(id))
    case "has": return try "\(store.hasContainer(id))"
    case "look-up": return try store.lookUpContainer(arguments[0]).id.rawValue
    case "status": try change(id) { $0.status = ContainerStatus(name: arguments[1]) ?? .unknown }
    case "count": return try count(id, upTo: Int32(arguments[1]) ?? 0)
    case "count-aloud": while true { say("acknowledged \(try count(id, upTo: 1))") }
    case "remove": try store.withLockedContainer(id, wait: Self.wait) { try $0.remove() }
    case "hold":
      try store.withLockedContainer(id, wait: Self.wait, operation: "hold") {
        _ = sayAndWait("holding \($0.fencingToken)")
      }
    case "hold-volume":
      try store.withLockedVolume(VolumeName(arguments[0]), wait: Self.wait, operation: "hold") { _ in
        _ = sayAndWait("holding")
      }
    case "hold-update":
      try store.withLockedContainer(id, wait: Self.wait) { locked in
        sayAndWait("holding")
        try locked.update { $0.restartCount += 1 }
      }
    case "hold-both":
      try store.withLockedContainer(id, wait: Self.wait) { _ in
        try holdGate()
        sayAndWait("holding")
        gate?.leave()
      }
    case "hold-and-fork": try holdAndFork(id, gate: arguments[1] == "gate")
    case "hold-with-orphan":
      try store.withLockedContainer(id, wait: Self.wait) { _ in
        let orphan = forkChild {
          while true { pause() }
        }
        sayAndWait("holding \(orphan)")
      }
    case "begin": try store.withLockedContainer(id, wait: Self.wait) { try $0.setIntent(.begin(.start)) }
    case "nested": try nested(id, ContainerID(arguments[1]))
    case "together":
      try store.withLockedContainers([id, ContainerID(arguments[1])], wait: Self.wait) {
        for id in $0.containerIDs { try $0.withContainer(id) { try $0.update { $0.restartCount += 1 } } }
      }
    default: return try performOnPod(command, id, Array(arguments.dropFirst())) ?? "unknown command"
    }
    return ""
  }

  static let wait = LockWait.upTo(.seconds(20))

  /// `boot=ID`, `timeout=MILLISECONDS`, `frames=NUMBER`, `schema=next`.
  private func open(_ arguments: [String]) throws {
    var options = StoreOptions()
    var schema = Schema.current
    for argument in arguments {
      let parts = argument.split(separator: "=").map(String.init)
      switch parts[0] {
      case "boot": options.bootID = parts[1]
      case "timeout": options.operationTimeout = .milliseconds(Int(parts[1]) ?? 0)
      case "frames": options.walCheckpointFrames = Int32(parts[1]) ?? 0
      case "schema": schema = schema.migrated(by: ["ALTER TABLE record ADD COLUMN added TEXT"])
      default: preconditionFailure("no option is called \(parts[0])")
      }
    }
    opened = try StateStore(at: StoreLocation(root: root), options: options, schema: schema)
  }

  private func add(_ id: ContainerID, name: String, dependencies: ArraySlice<String>) throws {
    var details = ContainerDetails()
    for dependency in dependencies { details.dependencies.insert(try ContainerID(dependency)) }
    let configuration = try ContainerConfiguration(id: id, name: name, createdAt: .now, details: details)
    try store.add(configuration, specification: JSONBytes("{}"))
  }

  private func describe(_ container: Container) -> String {
    let state = container.state
    let code = state.exitCode.map(String.init) ?? "-"
    return "\(container.name) \(state.status.name) \(container.stateRevision) \(state.restartCount) \(code)"
  }

  private func change(_ id: ContainerID, _ change: (inout ContainerState) -> Void) throws {
    try store.withLockedContainer(id, wait: Self.wait) { try $0.update(change) }
  }

  /// Adds one to a counter that many processes share, that many times; says the last sum it saw.
  private func count(_ id: ContainerID, upTo times: Int32) throws -> String {
    var last: Int32 = 0
    for _ in 0..<times {
      try change(id) {
        $0.restartCount += 1
        last = $0.restartCount
      }
    }
    return "\(last)"
  }

  private func nested(_ first: ContainerID, _ second: ContainerID) throws {
    try store.withLockedContainer(first, wait: Self.wait) { _ in
      sayAndWait("holding")
      try store.withLockedContainer(second, wait: Self.wait) { try $0.update { $0.restartCount += 1 } }
    }
  }

  private func holdGate() throws {
    let gate = try FileLocking.WriteGate(directory: store.location.root)
    try gate.enter(operation: "hold", deadlineNanoseconds: .max)
    self.gate = gate
  }

  /// What any other code in the process may do.
  private func strayClose(_ file: String) {
    let descriptor = Glibc.open(root + "/" + file, O_RDWR | O_CLOEXEC)
    precondition(descriptor >= 0, "nothing to open at \(file)")
    Glibc.close(descriptor)
  }
}

// MARK: - Load

extension StoreSession {
  /// Adds and removes containers: `whole` ones with an update in between, of this process alone, or `shared`
  /// ones, of an id that others use as well.
  ///
  /// The witness is a directory entry that exists only inside the critical section. Says how often it got
  /// through.
  private func cycle(_ times: Int, on name: String, whole: Bool) throws -> String {
    var done = 0
    for round in 0..<times {
      let id = try ContainerID(whole ? "\(name)-\(round)" : name)
      do {
        try add(id, name: whole ? id.rawValue : "of-\(name)", dependencies: [])
        if whole { try change(id) { $0.status = .created } }
        try removeWithWitness(id)
        done += 1
      } catch let error as StoreError where !whole && [.alreadyExists, .notFound].contains(error.code) {
        // Somebody else was faster; take the chance to be in his way.
        do { try removeWithWitness(id) } catch let error as StoreError where error.code == .notFound {}
      }
    }
    return "\(done)"
  }

  /// Two holders, or a fencing token that did not grow, end this process.
  private func removeWithWitness(_ id: ContainerID) throws {
    try store.withLockedContainer(id, wait: Self.wait) { locked in
      let witness = "\(root)/../witness-\(id)"
      guard mkdir(witness, 0o700) == 0 else { preconditionFailure("two holders of \(id)") }
      defer { rmdir(witness) }
      try appendToken(locked.fencingToken, to: "\(root)/../tokens-\(id)")
      try locked.remove()
    }
  }

  private func appendToken(_ token: FencingToken, to path: String) throws {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { Glibc.close(descriptor) }
    var line = "\(token)\n"
    let isWritten = line.withUTF8 { write(descriptor, $0.baseAddress, $0.count) == $0.count }
    precondition(isWritten, "the token could not be recorded")
  }

  private func openAndClose(_ times: Int) throws {
    for round in 0..<times {
      try open([])
      let id = try ContainerID("p\(getpid())-\(round)")
      try add(id, name: id.rawValue, dependencies: [])
      try store.withLockedContainer(id, wait: Self.wait) { try $0.remove() }
      try store.close()
    }
  }
}

// MARK: - Fork

extension StoreSession {
  /// In a forked child: 0 when everything is refused as used after a fork.
  private func useAfterFork(_ what: String) -> Int32 {
    do {
      switch what {
      case "read": _ = try store.containers()
      case "write": try add(ContainerID("forked"), name: "forked", dependencies: [])
      case "lock": try store.withLockedContainer(ContainerID("a"), wait: .none) { _ in }
      case "close": try store.close()
      case "verify": _ = try store.verify()
      case "open": try open([])
      case "exit": return 0
      case "forget":
        let descriptors = (0..<1024 as Range<Int32>).filter { fcntl($0, F_GETFD) >= 0 }
        opened = nil
        return descriptors.allSatisfy { fcntl($0, F_GETFD) >= 0 } ? 0 : 6
      default: return 2
      }
      return 1
    } catch {
      return (error as? StoreError)?.code == .usedAfterFork ? 0 : 3
    }
  }

  /// Under a lock, and inside the gate too: a forked child that uses and forgets everything, and ends.
  private func holdAndFork(_ id: ContainerID, gate isGate: Bool) throws {
    try store.withLockedContainer(id, wait: Self.wait) { locked in
      if isGate { try holdGate() }
      let child = forkChild {
        defer { self.gate?.leave() }
        do { try locked.update { $0.restartCount = 9 } } catch {
          return (error as? StoreError)?.code == .usedAfterFork ? self.useAfterFork("forget") : 4
        }
        return 5
      }
      let status = waitForChild(child)
      precondition(status == 0, "the child ended with \(status)")
      sayAndWait("holding")
      if isGate { self.gate?.leave() }
    }
  }

  /// Becomes a program that says which descriptors it has got.
  private func forkAndExec() throws {
    let child = forkChild {
      let words: [String] = ["/proc/self/exe", "descriptors"]
      var arguments = words.map { strdup($0) }
      arguments.append(nil)
      execv(words[0], arguments)
      return 126
    }
    precondition(waitForChild(child) == 0, "the program could not be run")
  }
}

// MARK: - A full disk

extension StoreSession {
  /// Adds containers until there is no space; says how many there are then.
  private func addUntilFull(_ prefix: String) throws -> String {
    for number in 0..<100_000 {
      do { try add(ContainerID("\(prefix)-\(number)"), name: "\(prefix)-\(number)", dependencies: []) } catch
      {
        guard (error as? StoreError)?.code == .outOfSpace else { throw error }
        return "\(try store.containers().count)"
      }
    }
    preconditionFailure("the disk is never full")
  }

  private func removeAll() throws -> String {
    let all = try store.containers()
    for container in all {
      try store.withLockedContainer(container.id, wait: Self.wait) { locked in
        // As an engine does it: an intent first.
        try locked.update(intent: .begin(.remove)) { $0.status = .removing }
        try locked.remove()
      }
    }
    return "\(all.count)"
  }

  /// Changes every container so many times: what monitors record whatever the disk.
  private func updateAll(_ times: Int) throws -> String {
    let all = try store.containers()
    for _ in 0..<times { for container in all { try change(container.id) { $0.restartCount += 1 } } }
    return "\(all.count)"
  }
}
