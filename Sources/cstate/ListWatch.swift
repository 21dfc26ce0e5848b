internal import ContainerStateStore
internal import Glibc

/// A listing that is printed again after each change of the store.
///
/// The kernel wakes it (`ChangeReader`); it ends at the first signal that asks for it, and asks nobody
/// meanwhile.
struct ListWatch {
  private let invocation: Invocation
  private let reader: ChangeReader
  private let signals: SignalForwarding
  private let isTerminal: Bool
  private let isForPeople: Bool

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    // Before there is another thread, which would have to block them too.
    signals = SignalForwarding()
    reader = try ChangeReader(invocation.store())
    isTerminal = isatty(STDOUT_FILENO) == 1
    isForPeople = !invocation.settings.printsJSON
  }

  /// Calls `print` now and after each change, each time on a cleared screen or below what was printed before.
  func run(_ print: () throws -> Void) throws {
    let reader = reader
    signals.forward { _ in reader.interrupt() }
    while true {
      // Before the look: what is changed after it ends the wait.
      let position = try invocation.store().lastChange()
      if isForPeople && isTerminal { invocation.output.text(Self.clear) }
      try print()
      if isForPeople && !isTerminal { invocation.output.line("") }
      let code = invocation.output.flush(to: STDOUT_FILENO)
      if code != 0 { throw OutputError(code) }
      // Without a deadline an empty batch says that a signal came.
      if try reader.wait(after: position, deadlineNanoseconds: .max).isEmpty { return }
    }
  }

  /// Clears a terminal and begins at its top.
  private static let clear = "\u{1B}[2J\u{1B}[H"
}
