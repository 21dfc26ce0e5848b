internal import CPlatform
internal import Glibc
internal import Platform

/// What wakes a wait up to look at its condition again.
public enum WakeUp {
  /// Something was created, removed, renamed, written or closed in this directory (inotify).
  case changes(inDirectory: String)
  /// This process ended (pidfd).
  case exit(of: Int32)
  /// This descriptor has something to read, or its other end is closed.
  case readable(Int32)
  /// The kernel announces nothing for it, as with /proc: look again every few milliseconds.
  case nothing
}

/// Waits until `condition` holds, and throws an error that says `what` was waited for when it does not in
/// time.
public func waitUntil(
  _ what: String, within limit: Duration = .seconds(10), wakeUp: WakeUp = .nothing,
  _ condition: () throws -> Bool
) throws {
  let deadline = Deadline.after(limit)
  let event = try KernelEvent(wakeUp)
  defer { event.close() }
  while try !condition() {
    guard !deadline.isPast else {
      throw TestSupportError("gave up after \(limit) waiting for: \(what)")
    }
    event.wait(until: deadline)
  }
}

/// Waits until a look at the directory stands for those at the names in it, which are all right.
public func waitUntilNamesSettle(inDirectory path: String) throws {
  let names = DirectoryNames(directory: path)
  let deadline = Deadline.after(.seconds(10))
  var hasLooked = true
  while hasLooked {
    guard !deadline.isPast else {
      throw TestSupportError("the names in \(path) never settle: does its file system keep whole seconds?")
    }
    hasLooked = false
    names.check { hasLooked = true }
    sched_yield()
  }
}

/// The descriptor behind a `WakeUp`, opened before the condition is first looked at so that no change is
/// missed.
private struct KernelEvent {
  /// -1: nothing to wait on.
  private let descriptor: Int32
  private let isOwned: Bool
  private let isQueue: Bool

  init(_ wakeUp: WakeUp) throws {
    switch wakeUp {
    case .changes(let directory):
      descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
      let interest = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_MODIFY | IN_CLOSE_WRITE
      guard inotify_add_watch(descriptor, directory, UInt32(interest)) >= 0 else {
        throw TestSupportError.systemCall("inotify_add_watch", directory)
      }
      (isOwned, isQueue) = (true, true)
    case .exit(let pid):
      // A process that is gone already cannot be opened; the condition will see that.
      descriptor = platform_pidfd_open(pid)
      (isOwned, isQueue) = (true, false)
    case .readable(let readable):
      (descriptor, isOwned, isQueue) = (readable, false, false)
    case .nothing:
      (descriptor, isOwned, isQueue) = (-1, false, false)
    }
  }

  /// Returns at the event, at the deadline, or after a bounded pause where no event may come: a condition may
  /// depend on more than the event, so even with one it is looked at ten times a second.
  func wait(until deadline: Deadline) {
    let pauseMilliseconds: Int32 = descriptor < 0 ? 2 : 100
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let events = poll(&request, 1, min(pauseMilliseconds, deadline.remainingMilliseconds))
    guard events > 0, isQueue else { return }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
    }
  }

  func close() {
    if isOwned, descriptor >= 0 { _ = Glibc.close(descriptor) }
  }
}
