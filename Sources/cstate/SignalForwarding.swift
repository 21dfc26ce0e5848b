internal import Glibc

/// Takes the signals that end a command, so that they can be handed to a container instead.
///
/// They are blocked from `init` on. A thread takes them one by one; it lives until the process ends.
final class SignalForwarding: Sendable {
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  init() {
    var set = SignalForwarding.set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Calls `body`, on another thread, with each signal that comes, also with those that came since `init`.
  func forward(_ body: @escaping @Sendable (Int32) -> Void) {
    let box = Unmanaged.passRetained(ForwardingBody(call: body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let body = Unmanaged<ForwardingBody>.fromOpaque(context).takeRetainedValue()
        SignalForwarding.takeForEver(body.call)
      }, box.toOpaque())
    if code != 0 {
      box.release()
      var set = SignalForwarding.set
      pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
  }

  private static func takeForEver(_ body: (Int32) -> Void) -> Never {
    var set = SignalForwarding.set
    while true {
      var signal: Int32 = 0
      if sigwait(&set, &signal) == 0 { body(signal) }
    }
  }

  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }
}

private final class ForwardingBody: Sendable {
  let call: @Sendable (Int32) -> Void
  init(call: @escaping @Sendable (Int32) -> Void) { self.call = call }
}
