import CPlatform
import ContainerStateStore
import Glibc

/// The process that a container's process is a child of, as long as it lives.
struct Monitor {
  /// Where it finds its end of the channel.
  static let channelDescriptor: Int32 = 3

  let launch: MonitorLaunch

  private var directory: ContainerDirectory {
    RunDirectory.directory(in: launch.runDirectory, id: launch.id, generation: launch.generation)
  }

  /// Creates the container, waits for its process, records its end.
  ///
  /// - Returns: whether the container was created and its end recorded, or nobody wants to know of it any
  ///   more.
  func run() throws -> Bool {
    try becomeQuiet()
    guard let (process, memory) = try createWhenTold() else { return false }
    // The engine that started this monitor has closed the channel: it has recorded the creation by now, or
    // never will.
    guard let store = try Patience.untilDone({ try openStore(ifMine: process) }) else { return false }
    Engine.step("monitor", "watching")
    let end = waitForEnd(of: process)
    let record = ExitRecord(
      launch: launch, process: process, end: end, finishedAt: .present,
      wasKilledForMemory: memory?.hasKilled ?? false)
    Engine.step("monitor", "process-ended")
    try record.write(to: store)
    try store.close()
    return true
  }

  /// Nothing of the caller's terminal, directory and signals reaches this process any more.
  private func becomeQuiet() throws(EngineError) {
    guard platform_set_child_subreaper() == 0 else { throw .system("prctl", "monitor", errno) }
    guard chdir("/") == 0 else { throw .system("chdir", "/", errno) }
    signal(SIGPIPE, SIG_IGN)
    // The channel is not for the runtime and the container.
    guard fcntl(Monitor.channelDescriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      throw .system("fcntl", "monitor", errno)
    }
  }

  /// - Returns: the container's process and the control group that it has for itself; nil where it was not
  ///   created.
  private func createWhenTold() throws -> (ProcessIdentity, MemoryGroup?)? {
    let channel = MonitorChannel(inherited: Monitor.channelDescriptor)
    Engine.step("monitor", "started")
    channel.send(.hello(.current))
    guard channel.receive(deadlineNanoseconds: Deadline.never) == .go else { return nil }
    Engine.step("monitor", "told")
    let process: ProcessIdentity
    do { process = try launch.runtime.runtime.create(directory) } catch {
      // A program that the failed runtime had started may still be making what the engine is about to remove.
      _ = ProcessEnd.killAndReapChildren(deadlineNanoseconds: Deadline.after(.seconds(5)))
      channel.send(.failed(error.cause.isEmpty ? error.message : "\(error.message): \(error.cause)"))
      return nil
    }
    Engine.step("monitor", "created")
    // Whoever reads the container's output must see its end when the container ends.
    try forgetStandardIO()
    // While the process waits to be started: one that has ended may be counted to another group.
    let memory = launch.runtime == .builtin ? nil : MemoryGroup(ofProcess: process.pid)
    channel.send(.created(process))
    channel.waitForClose()
    return (process, memory)
  }

  private func forgetStandardIO() throws(EngineError) {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw .system("open", "/dev/null", errno) }
    defer { if null > STDERR_FILENO { close(null) } }
    for standard in STDIN_FILENO...STDERR_FILENO where dup2(null, standard) < 0 {
      throw .system("dup2", "/dev/null", errno)
    }
  }

  /// Opens the store; nil where it does not have the container with this process.
  private func openStore(ifMine process: ProcessIdentity) throws -> StateStore? {
    let store = try launch.openStore()
    do {
      let container = try store.container(launch.id)
      let isMine =
        container.generation == launch.generation && container.state.process == process
        && container.state.monitor == .current
      return isMine ? store : nil
    } catch {
      guard error.code == .notFound else { throw error }
      return nil
    }
  }

  /// Reaps everything that becomes a child of this process, until the container's process is reaped.
  private func waitForEnd(of process: ProcessIdentity) -> ProcessEnd {
    while true {
      var status: Int32 = 0
      let pid = waitpid(-1, &status, 0)
      if pid == process.pid { return ProcessEnd(waitStatus: status) }
      if pid < 0, errno == ECHILD {
        // Handed to somebody else: its end can be seen, but not how it ended.
        _ = process.waitForEnd(deadlineNanoseconds: Deadline.never)
        return .unknown
      }
    }
  }
}

/// The end of a container's process, and how it gets into the store.
struct ExitRecord {
  let launch: MonitorLaunch
  let process: ProcessIdentity
  let end: ProcessEnd
  let finishedAt: Timestamp
  let wasKilledForMemory: Bool

  /// Records the end and has the runtime delete the container, unless the row is gone or means another
  /// process.
  func write(to store: StateStore) throws {
    var options = EngineOptions()
    options.runDirectory = launch.runDirectory
    let engine = try Engine(store: store, options: options)
    do { try Patience.untilDone { try attempt(with: engine) } } catch let error as StoreError
      where error.code == .notFound || error.code == .removed
    {
      // Nobody wants to know of it any more.
    }
  }

  private func attempt(with engine: Engine) throws {
    // A row that is gone is not waited for, and no lockfile made for it.
    _ = try engine.store.state(of: launch.id)
    try engine.withLock(launch.id, "record exit") { locked in
      let container = locked.container
      let isMine = container.generation == launch.generation && container.state.process == process
      guard isMine, container.status.allows(.stopped) else { return }
      try locked.recordExit(
        code: end.exitCode, finishedAt: finishedAt, wasKilledForMemory: wasKilledForMemory)
      engine.step("monitor", "recorded")
      do { try engine.cleanUp(locked) } catch {
        // The exit code is recorded; what the runtime keeps is deleted by whoever finds the container
        // stopped.
        return
      }
      engine.step("monitor", "cleaned-up")
    }
  }
}

/// How a monitor goes on trying: nobody else knows what it has to record.
enum Patience {
  /// How often a store that refuses is asked again, a second apart: a full disk may be cleared, a mount come
  /// back.
  private static let maximumFailures = 300

  /// What `body` returns when it first succeeds.
  static func untilDone<R>(_ body: () throws -> R) throws -> R {
    var failures = 0
    while true {
      do { return try body() } catch let error as StoreError {
        switch error.code {
        case .notFound, .removed: throw error
        // Somebody works on the container for long: the wait goes on, in its turn.
        case .lockTimeout: continue
        default:
          failures += 1
          guard failures < maximumFailures else { throw error }
          sleep(1)
        }
      }
    }
  }
}
