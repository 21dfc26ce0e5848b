/// Whether a WAL that goes on growing has a reader whom `verify` does not name.
///
/// Snapshots that overlap explain some length (D-8). Beyond it, one verification names nobody where a
/// snapshot ends between its two looks; where the WAL only ever grew over several in a row, somebody was
/// reading all the while.
struct LongWALWitness {
  private var lastFrames = 0
  private var times = 0

  /// From how many frames on `verify` has something to say: see docs/durability.md, WAL checkpoints.
  private static let longFrames = 10_000
  private static let patience = 3

  /// Takes note of one verification, with the frames before and after it.
  mutating func isUnexplained(
    from before: Int, to after: Int, isReaderNamed: Bool, _ options: StressOptions
  ) -> Bool {
    let explained = max(2 * Self.longFrames, 256 * Int(options.checkpointFrames))
    let isGrowing = before > explained && before >= lastFrames && after > before
    times = isGrowing && !isReaderNamed ? times + 1 : 0
    lastFrames = after
    return times >= Self.patience
  }
}
