internal import ContainerStateStore
internal import Glibc
internal import OCIEngine

/// One run of the command: what was asked, what is printed, and what the exit status will be.
///
/// The store and the engine are opened when they are first asked for, so that no verb pays for what it does
/// not use.
final class Invocation {
  let verb: Verb
  let arguments: CommandArguments
  let settings: Settings
  var output = OutputBuffer()
  /// The first failure that was reported decides the exit status.
  private(set) var firstFailure: Failure?
  private var openedStore: StateStore?
  private var openedEngine: Engine?

  init(verb: Verb, arguments: CommandArguments, settings: Settings) {
    self.verb = verb
    self.arguments = arguments
    self.settings = settings
  }

  func store() throws -> StateStore {
    if let openedStore { return openedStore }
    let store = try StateStore(at: settings.location())
    openedStore = store
    return store
  }

  func engine() throws -> Engine {
    if let openedEngine { return openedEngine }
    var options = EngineOptions()
    options.runtime = settings.runtime
    options.lockWait = settings.lockWait
    options.runDirectory = settings.runDirectory
    if let program = Invocation.ownProgram { options.monitorCommand = [program, Verb.monitor.name] }
    let engine = try Engine(store: store(), options: options)
    openedEngine = engine
    return engine
  }

  /// The path of this program, so that its monitors are called like it; nil where it has been replaced.
  private static var ownProgram: String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { return nil }
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return access(path, X_OK) == 0 ? path : nil
  }

  /// The longest wait for a lock so far; nil where nothing was locked.
  var longestLockWait: (nanoseconds: UInt64, holder: LockHolder?)? {
    openedEngine.map { ($0.longestLockWait.nanoseconds, $0.longestLockWait.holder) }
  }

  /// Closes what was opened; the failure of that is one of the command.
  func finish() {
    guard let openedStore else { return }
    do { try openedStore.close() } catch { report(error) }
  }

  /// Says on standard error what went wrong, and remembers the first failure.
  func report(_ error: any Error, subject: String? = nil) {
    let usage = (error as? UsageError)?.of(verb: verb.name)
    let failure = Failure(usage ?? error, subject: subject)
    failure.print(verb: verb.name)
    if firstFailure == nil { firstFailure = failure }
  }

  /// Says something on standard error that is no failure.
  func notice(_ text: String) {
    var buffer = OutputBuffer()
    buffer.line("cstate: \(verb.name): \(visible(text))")
    // Where standard error is gone there is nobody to tell.
    _ = buffer.flush(to: STDERR_FILENO)
  }

  /// Calls `body` with each operand; a failure is reported, and the others are tried all the same.
  func forEachOperand(_ body: (String) throws -> Void) {
    for operand in arguments.operands {
      do { try body(operand) } catch { report(error, subject: operand) }
    }
  }

  /// Prints one JSON value laid out for people.
  func print(_ json: JSONBytes) { output.line(json.formatted()) }
}

/// A failure as the command reports it.
struct Failure {
  /// The exit status that it stands for.
  let status: Int32
  /// The stable name of its kind.
  let code: String
  private let subject: String
  private let message: String

  init(_ error: any Error, subject: String? = nil) {
    switch error {
    case let error as StoreError:
      status = ExitStatus.of(error.code)
      code = error.code.rawValue
      self.subject = error.subject.isEmpty ? subject ?? "" : error.subject
      message = error.cause.isEmpty ? error.message : "\(error.message) (\(error.cause))"
    case let error as EngineError:
      status = ExitStatus.of(error.code)
      code = error.code.rawValue
      self.subject = error.subject.isEmpty ? subject ?? "" : error.subject
      message = error.cause.isEmpty ? error.message : "\(error.message) (\(error.cause))"
    case let error as UsageError:
      status = ExitStatus.usage
      code = "usage"
      self.subject = error.subject
      let help = error.verb.map { "cstate \($0) --help" } ?? "cstate --help"
      message = "\(error.message); see '\(help)'"
    default:
      status = ExitStatus.failed
      code = "unknown"
      self.subject = subject ?? ""
      message = "\(error)"
    }
  }

  /// Writes `cstate: VERB: SUBJECT: MESSAGE` to standard error.
  func print(verb: String?) {
    var buffer = OutputBuffer()
    let parts = ["cstate", verb ?? "", visible(subject), visible(message)]
    buffer.line(parts.filter { !$0.isEmpty }.joined(separator: ": "))
    // Where standard error is gone there is nobody to tell.
    _ = buffer.flush(to: STDERR_FILENO)
  }
}
