internal import CPlatform
internal import Glibc

/// One line that says how far a program is: rewritten on a terminal, repeated now and then elsewhere.
package struct Progress {
  private let descriptor: Int32
  /// Whether the line is rewritten.
  package let isTerminal: Bool
  private var lastShownNanoseconds: UInt64 = 0
  private var shownLineCount = 0

  package init(descriptor: Int32) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// Shows what `lines` gives, where it is time for it.
  ///
  /// - Parameters:
  ///   - elapsedNanoseconds: the time since the beginning.
  ///   - isLast: whether nothing follows, so that it is shown in any case.
  ///   - lines: called where it is time.
  package mutating func show(elapsedNanoseconds: UInt64, isLast: Bool = false, _ lines: () -> [String]) {
    let pause: UInt64 = isTerminal ? 100_000_000 : 5_000_000_000
    guard elapsedNanoseconds - lastShownNanoseconds >= pause || isLast else { return }
    lastShownNanoseconds = elapsedNanoseconds
    let lines = lines()
    let text = isTerminal ? lines.joined(separator: "\n") : lines.map { $0 + "\n" }.joined()
    write(backToStart + text)
    shownLineCount = lines.count
  }

  /// Takes the lines away from a terminal.
  package mutating func end() {
    write(backToStart)
    shownLineCount = 0
  }

  private var backToStart: String {
    guard isTerminal else { return "" }
    let up = shownLineCount > 1 ? "\u{1B}[\(shownLineCount - 1)A" : ""
    return "\r\(up)\u{1B}[J"
  }

  private func write(_ text: String) { _ = writeAll(Array(text.utf8), to: descriptor) }
}

/// INT, TERM and HUP: held back, and looked for between two steps.
package enum Interruption {
  private static let numbers = [SIGINT, SIGTERM, SIGHUP]

  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    return set
  }

  package static func hold() {
    var set = signals
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  package static var isRequested: Bool {
    var pending = sigset_t()
    sigpending(&pending)
    return numbers.contains { sigismember(&pending, $0) == 1 }
  }

  /// Lets them end the process again; one that was held back does so at once.
  package static func release() {
    var set = signals
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
