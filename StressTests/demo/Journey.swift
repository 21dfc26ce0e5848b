internal import StressSupport

/// What one container goes through, as the seed decides.
struct Journey {
  enum Kind: String, CaseIterable {
    /// `run --rm`: one command does it all.
    case run
    /// create, start, wait, rm.
    case whole
    /// create, start, stop while it runs, wait, rm.
    case stopped
    /// create, start, kill while it runs, wait, rm.
    case killed
  }

  let kind: Kind
  let name: String
  /// The container's id: not the seed's choice, since two demos of one seed may run at once.
  let id = String(UInt64.random(in: 1 << 63...UInt64.max), radix: 16)
  /// What the container's own command ends with.
  let exitCode: Int32
  /// How long a container that ends by itself runs.
  let runMilliseconds: Int

  init(number: Int, seed: UInt64) {
    // A source of its own for each container: its life does not depend on how far the others are.
    var random = RandomSource(seed: seed &+ UInt64(number) &* 0x0100_0000_01B3)
    let kinds: [Kind] = [.run, .run, .whole, .whole, .stopped, .killed]
    kind = kinds.randomElement(using: &random) ?? .whole
    exitCode = Int32.random(in: 0...99, using: &random)
    runMilliseconds = [0, 0, 20, 100, 300].randomElement(using: &random) ?? 0
    let digits = String(number)
    name = "demo-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// Whether the container runs until a command ends it.
  var isEndless: Bool { kind == .stopped || kind == .killed }

  /// The exit code that is recorded where nothing was killed that should not have been.
  var expectedExitCode: Int32 { kind == .killed ? 128 + 9 : exitCode }

  /// The steps of an undisturbed life, in order.
  var steps: [Step] {
    switch kind {
    case .run: [.run]
    case .whole: [.create, .start, .wait, .remove]
    case .stopped: [.create, .start, .awaitReady, .stop, .wait, .remove]
    case .killed: [.create, .start, .awaitReady, .kill, .wait, .remove]
    }
  }
}

/// One step of a journey; all but one are commands.
enum Step: String, Hashable, CaseIterable {
  case create, start, stop, kill, wait
  case remove = "rm"
  case run = "run --rm"
  /// Waits for the container's own word that it handles signals.
  case awaitReady = "(ready)"
  /// Asks the store where the container stands, after a kill has made that unclear.
  case look = "inspect"
  /// Ends whatever a kill has left.
  case removeByForce = "rm --force"
}
