public import ContainerStateStore

/// How an engine works.
public struct EngineOptions: Sendable {
  /// Which OCI runtime new containers get.
  ///
  /// A container keeps the one it was created with.
  public var runtime: RuntimeChoice = .automatic
  /// The directory for everything of this boot: bundles, runtime states, pid files; mode 0700.
  ///
  /// nil is the directory beside the lockfiles where these are outside the store's root (`/run/cstate` for
  /// root's standard store), and `run` in the root otherwise.
  public var runDirectory: String?
  /// How long an operation may wait for a container's lock.
  ///
  /// Default: 30 s.
  public var lockWait: LockWait = .upTo(.seconds(30))
  /// How a monitor is started: a program and its first arguments.
  ///
  /// The program calls `monitorMain` with the rest.
  public var monitorCommand = ["/proc/self/exe", "monitor"]
  /// How long a call of an OCI runtime may take in a trial of it; for tests.
  package var runtimeLimit = ProgramRuntime.limit

  /// The options that suit a program whose own hidden verb `monitor` calls `monitorMain`.
  public init() {}
}

/// Which OCI runtime new containers get.
public enum RuntimeChoice: Sendable, Hashable {
  /// The first of `runc` and `crun` that can run here, and the built-in runner where neither can.
  case automatic
  /// `runc` on the path.
  case runc
  /// `crun` on the path.
  case crun
  /// The built-in runner: plain child processes without any isolation.
  case builtin
  /// A program with the command line of `runc`.
  case executable(String)
}

/// What a container's process gets as standard input, output and error.
public enum StandardIO: Sendable, Hashable {
  /// `/dev/null`.
  case null
  /// Those of the calling process.
  case inherit
}
