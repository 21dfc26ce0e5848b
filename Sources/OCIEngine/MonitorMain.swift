import CPlatform
import ContainerStateStore
import Glibc

/// The monitor of one container: what a program's hidden verb `monitor` calls, with its arguments behind the
/// verb.
///
/// It leaves the caller's session, has the runtime create the container, waits for the end of the container's
/// process, records it, has the runtime delete the container, and returns. The calling process must have one
/// thread, and use descriptor 3 for nothing else.
///
/// - Returns: the exit status for the process.
public func monitorMain(arguments: [String]) -> Int32 {
  do {
    let launch = try MonitorLaunch(arguments: arguments)
    guard fcntl(Monitor.channelDescriptor, F_GETFD) >= 0 else { throw EngineError.monitorArguments() }
    // The parents end inside; a failure ends the channel, which the engine notices.
    guard platform_leave_session() == 0 else { throw EngineError.system("fork", "monitor", errno) }
    // A wait for a lock may need a second thread, and the one that came out of the fork must not meet
    // another.
    return runOnNewThread { try Monitor(launch: launch).run() ? 0 : 1 }
  } catch { return report(error) }
}

private func report(_ error: any Error) -> Int32 {
  let text = Array("\(error)\n".utf8)
  _ = write(STDERR_FILENO, text, text.count)
  return 1
}

/// Runs the body on a new thread, and returns what it returns.
private func runOnNewThread(_ body: @escaping () throws -> Int32) -> Int32 {
  final class Context {
    let body: () throws -> Int32
    init(_ body: @escaping () throws -> Int32) { self.body = body }
  }
  let context = Unmanaged.passRetained(Context(body))
  defer { context.release() }
  let status = platform_run_on_new_thread(
    { context in
      guard let context else { return 1 }
      do { return try Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().body() } catch {
        return report(error)
      }
    }, context.toOpaque())
  return status < 0 ? report(EngineError.system("pthread_create", "monitor", errno)) : status
}
