internal import Glibc
internal import StressSupport

/// What a run looks like while it lasts: a few lines rewritten on a terminal, one now and then elsewhere.
struct LiveView {
  private let options: StressOptions
  private let board: Board
  private let roles: [Role]
  private var progress = Progress(descriptor: STDERR_FILENO)
  private var lastOperations: UInt64 = 0
  private var lastNanoseconds: UInt64 = 0
  private var rate: UInt64 = 0

  init(_ options: StressOptions, board: Board) {
    self.options = options
    self.board = board
    roles = options.roles.roles(ofPlaces: options.processes)
  }

  mutating func show(
    _ tally: Tally, living: Int, stopped: Int, violations: Int, elapsedNanoseconds elapsed: UInt64
  ) {
    let operations = board.load(.operations)
    if elapsed - lastNanoseconds >= 1_000_000_000 {
      rate = (operations - lastOperations) * 1_000_000_000 / (elapsed - lastNanoseconds)
      (lastOperations, lastNanoseconds) = (operations, elapsed)
    }
    let summary = [
      "\(elapsed / 1_000_000_000) s\(options.seconds > 0 ? " of \(options.seconds) s" : "")",
      "\(operations) operations (\(rate)/s)"
        + (options.lifecycles > 0 ? ", \(board.load(.lifecycles)) lives" : ""),
      "\(living) processes, \(stopped) stopped",
      "\(tally.kills) kills, \(tally.stops + tally.selfStops) stops",
      "\(board.load(.refusals)) refused",
      "\(violations + Int(board.load(.complaints))) complaints",
    ].joined(separator: " · ")
    let lines = progress.isTerminal ? [summary, bars(tally)] : [summary]
    progress.show(elapsedNanoseconds: elapsed) { lines }
  }

  /// How long ago the slowest place of each role got on, and how many lives each role had.
  private func bars(_ tally: Tally) -> String {
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    var oldest: [Role: UInt64] = [:]
    for (place, role) in roles.enumerated() {
      let last = board.load(place, .lastProgress)
      oldest[role] = max(oldest[role] ?? 0, now > last ? now - last : 0)
    }
    return oldest.sorted { $0.key.rawValue < $1.key.rawValue }.map { role, age in
      "\(role.rawValue) \(tally.births[role] ?? 0) lives, idle \(age / 1_000_000) ms"
    }.joined(separator: " · ")
  }

  mutating func end() { progress.end() }
}
