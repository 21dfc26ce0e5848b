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
    return try Monitor(launch: launch).run() ? 0 : 1
  } catch {
    let text = Array("\(error)\n".utf8)
    _ = write(STDERR_FILENO, text, text.count)
    return 1
  }
}
