internal import CPlatform
internal import Glibc

/// One line that says how far the demo is: rewritten on a terminal, repeated now and then elsewhere.
struct Progress {
  private let containers: Int
  private let descriptor: Int32
  private let isTerminal: Bool
  private var lastShownNanoseconds: UInt64 = 0

  init(containers: Int, descriptor: Int32) {
    self.containers = containers
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  mutating func show(done: Int, operations: Int, kills: Int, elapsedNanoseconds: UInt64) {
    let pause: UInt64 = isTerminal ? 100_000_000 : 5_000_000_000
    guard elapsedNanoseconds - lastShownNanoseconds >= pause || done == containers else { return }
    lastShownNanoseconds = elapsedNanoseconds
    let line =
      "containers \(done)/\(containers) · operations \(operations) · kills \(kills) · "
      + "\(elapsedNanoseconds / 1_000_000_000) s"
    write(isTerminal ? "\r\u{1B}[K\(line)" : line + "\n")
  }

  func end() { if isTerminal { write("\r\u{1B}[K") } }

  private func write(_ text: String) { _ = writeAll(Array(text.utf8), to: descriptor) }
}

/// INT, TERM and HUP: held back, and looked for between two steps.
enum Interruption {
  private static let numbers = [SIGINT, SIGTERM, SIGHUP]

  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    return set
  }

  static func hold() {
    var set = signals
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  static var isRequested: Bool {
    var pending = sigset_t()
    sigpending(&pending)
    return numbers.contains { sigismember(&pending, $0) == 1 }
  }
}
