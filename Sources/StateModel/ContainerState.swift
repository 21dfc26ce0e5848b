/// The part of a container that changes all the time.
public struct ContainerState: Sendable, Hashable {
  /// Where the container is in its life.
  public var status: ContainerStatus
  /// The path of the configuration file the OCI runtime was given; empty where there is none.
  public var configurationPath: String {
    get { texts.configurationPath }
    set { texts.configurationPath = newValue }
  }
  /// The container's directory for files of this boot; empty where there is none.
  public var runDirectory: String {
    get { texts.runDirectory }
    set { texts.runDirectory = newValue }
  }
  /// Where its root file system is mounted; empty where it is not.
  public var mountpoint: String {
    get { texts.mountpoint }
    set { texts.mountpoint = newValue }
  }
  /// When its process was last started.
  public var startedAt: Timestamp?
  /// When its process last ended.
  public var finishedAt: Timestamp?
  /// The exit code of the process that ended last, −1 (unknown) … 255; nil before the first end.
  public var exitCode: Int32?
  /// Whether the kernel killed it for want of memory.
  public var wasKilledForMemory: Bool
  /// The pid of its first process; 0 where there is none.
  public var pid: Int32
  /// That process's start time in clock ticks since boot; 0 where there is none.
  ///
  /// Pids are reused, pairs are not.
  public var pidStartTime: UInt64
  /// The pid of the monitor that waits for it; 0 where there is none.
  public var monitorPID: Int32
  /// The monitor's start time in clock ticks since boot; 0 where there is none.
  public var monitorStartTime: UInt64
  /// The path of its network namespace; empty where it has none.
  public var networkNamespacePath: String {
    get { texts.networkNamespacePath }
    set { texts.networkNamespacePath = newValue }
  }
  /// How often its restart policy has started it again.
  public var restartCount: Int32
  /// Whether it ended because a user asked for it.
  public var wasStoppedByUser: Bool
  /// The last health check's word; empty where there is none.
  public var health: String {
    get { texts.health }
    set { texts.health = newValue }
  }
  /// What went wrong last, for people; empty where nothing did.
  public var errorText: String {
    get { texts.errorText }
    set { texts.errorText = newValue }
  }

  private var sharedTexts: Shared<Texts>

  /// The state of a container that has just been added.
  public init(status: ContainerStatus = .configured) { self.init(status, ContainerState.noTexts) }

  /// The state of a container that has just been added, but for its texts.
  package init(status: ContainerStatus, texts: consuming Texts) { self.init(status, Shared(texts)) }

  private init(_ status: ContainerStatus, _ texts: Shared<Texts>) {
    self.status = status
    sharedTexts = texts
    startedAt = nil
    finishedAt = nil
    exitCode = nil
    wasKilledForMemory = false
    pid = 0
    pidStartTime = 0
    monitorPID = 0
    monitorStartTime = 0
    restartCount = 0
    wasStoppedByUser = false
  }

  /// The texts of a state, which are copied as one: most copies of a state change none of them.
  package struct Texts: Sendable, Hashable {
    fileprivate var configurationPath: String
    fileprivate var runDirectory: String
    fileprivate var mountpoint: String
    fileprivate var networkNamespacePath: String
    fileprivate var health: String
    fileprivate var errorText: String

    package init(
      configurationPath: consuming String = "", runDirectory: consuming String = "",
      mountpoint: consuming String = "", networkNamespacePath: consuming String = "",
      health: consuming String = "", errorText: consuming String = ""
    ) {
      self.configurationPath = configurationPath
      self.runDirectory = runDirectory
      self.mountpoint = mountpoint
      self.networkNamespacePath = networkNamespacePath
      self.health = health
      self.errorText = errorText
    }

    /// Whether both have the same bytes: texts of equal characters can be paths of two files.
    package static func == (left: Texts, right: Texts) -> Bool {
      left.configurationPath.utf8.elementsEqual(right.configurationPath.utf8)
        && left.runDirectory.utf8.elementsEqual(right.runDirectory.utf8)
        && left.mountpoint.utf8.elementsEqual(right.mountpoint.utf8)
        && left.networkNamespacePath.utf8.elementsEqual(right.networkNamespacePath.utf8)
        && left.health.utf8.elementsEqual(right.health.utf8)
        && left.errorText.utf8.elementsEqual(right.errorText.utf8)
    }
  }

  private var texts: Texts {
    get { sharedTexts.value }
    set { sharedTexts = Shared(newValue) }
  }

  private static let noTexts = Shared(Texts())

  /// The exit code of a process whose end nobody saw.
  public static let unknownExitCode: Int32 = -1

  /// Whether the root file system is mounted.
  public var isMounted: Bool { !mountpoint.isEmpty }
}

extension ContainerState {
  /// What a reboot leaves of this state; applying it twice changes nothing more.
  ///
  /// Exit codes, times and who stopped it stay; a container that had a running process gets the unknown exit
  /// code.
  package func afterReboot() -> ContainerState {
    var next = self
    next.status = status.afterReboot
    next.mountpoint = ""
    next.networkNamespacePath = ""
    next.pid = 0
    next.pidStartTime = 0
    next.monitorPID = 0
    next.monitorStartTime = 0
    if [.running, .paused, .stopping].contains(status), !hasExitOfThisRun {
      next.exitCode = ContainerState.unknownExitCode
    }
    return next
  }

  /// Whether the exit code is of the run that was started last, not of one before it.
  private var hasExitOfThisRun: Bool {
    guard exitCode != nil else { return false }
    guard let startedAt else { return true }
    return finishedAt.map { $0 >= startedAt } ?? false
  }

  /// Throws where no update may write this state over `old`.
  package func check(replacing old: ContainerState, of id: ContainerID) throws(StoreError) {
    guard old.status.allows(status) else { throw .invalidTransition(id, from: old.status, to: status) }
    try checkNumbers()
    try checkTexts(changedFrom: old)
  }

  /// Throws `invalidArgument` where a value is out of its range.
  package func checkValues() throws(StoreError) {
    try checkNumbers()
    // In a new state every text is empty.
    try checkTexts(changedFrom: ContainerState())
  }

  private func checkNumbers() throws(StoreError) {
    if let exitCode, !(-1...255).contains(exitCode) {
      throw .invalidArgument("exit code", "an exit code is −1 (unknown) to 255")
    }
    if pid != 0, [.configured, .stopped, .exited].contains(status) {
      throw .invalidArgument("pid", "a container that is \(status.name) has no process; set its pid to 0")
    }
    if pid < 0 || monitorPID < 0 { throw .invalidArgument("pid", "a pid is 0 (none) or greater") }
    if restartCount < 0 { throw .invalidArgument("restart count", "a restart count is 0 or greater") }
  }

  /// Whether its texts are another state's because neither has set one since they were one state.
  package func sharesTexts(with other: ContainerState) -> Bool { sharedTexts === other.sharedTexts }

  /// What stays as it is was checked before.
  private func checkTexts(changedFrom old: ContainerState) throws(StoreError) {
    if sharesTexts(with: old) { return }
    func check(_ field: StaticString, _ text: String, _ old: String) throws(StoreError) {
      if text != old, text.containsNUL { throw .invalidArgument("\(field)", "a text must not contain NUL") }
    }
    try check("configuration path", configurationPath, old.configurationPath)
    try check("run directory", runDirectory, old.runDirectory)
    try check("mountpoint", mountpoint, old.mountpoint)
    try check("network namespace path", networkNamespacePath, old.networkNamespacePath)
    try check("health", health, old.health)
    try check("error text", errorText, old.errorText)
  }
}

extension String {
  /// Whether there is a NUL in it, which no text of the store may have.
  package var containsNUL: Bool {
    // Through the view a byte costs six times as much.
    utf8.withContiguousStorageIfAvailable { $0.contains(0) } ?? utf8.contains(0)
  }
}
