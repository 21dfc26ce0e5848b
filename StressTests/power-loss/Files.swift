internal import CPlatform
internal import Glibc
internal import StressSupport

/// Sleeps, whatever signals come.
func pause(nanoseconds: UInt64) {
  var rest = timespec()
  var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
}

/// Runs `body` in a child forked from this process of one thread; the child ends with what it returns.
///
/// - Throws: where there can be no further process.
func forkChild(_ body: () -> Int32) throws(StressFailure) -> pid_t {
  let pid = withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { pointer in
      platform_fork_call(
        { context in
          // Not the thread that came out of the fork: see `platform_run_on_new_thread`.
          let status = platform_run_on_new_thread(
            { $0?.assumingMemoryBound(to: (() -> Int32).self).pointee() ?? 127 }, context)
          return status < 0 ? 127 : status
        }, UnsafeMutableRawPointer(mutating: pointer))
    }
  }
  guard pid > 0 else { throw .systemCall("fork", "a worker") }
  return pid
}

/// Removes a directory of this run with everything in it.
func removeTree(_ path: String) { _ = platform_remove_tree(path) }
