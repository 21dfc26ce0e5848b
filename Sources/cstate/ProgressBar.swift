internal import ContainerStateStore
internal import Glibc

/// One line on a terminal's standard error that says how far something long has come.
struct ProgressBar {
  private static let cells = 30
  /// To the beginning of the line, and nothing on it.
  private static let clear = "\r\u{1B}[K"

  /// Nil where there is no terminal to draw on.
  init?() {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
  }

  func draw(_ progress: VerificationProgress) {
    guard progress.containers > 0 else { return write("checking \(progress.part.rawValue)") }
    let done = progress.checkedContainers * Self.cells / progress.containers
    let bar = String(repeating: "#", count: done) + String(repeating: "-", count: Self.cells - done)
    write("checking containers [\(bar)] \(progress.checkedContainers) of \(progress.containers)")
  }

  func end() { write("") }

  private func write(_ text: String) {
    var buffer = OutputBuffer()
    buffer.text(Self.clear + text)
    // Where the terminal is gone there is nobody to tell.
    _ = buffer.flush(to: STDERR_FILENO)
  }
}
