internal import CBenchFloor
internal import Glibc

/// How much one and the same piece of work varies on this machine, measured between the blocks of a run.
final class Noise {
  /// What two looks at the clock cost.
  let clockNanoseconds: UInt64
  private var arithmetic: [Double] = []
  private var syncs: [Double] = []
  private let descriptor: Int32

  /// Whose middle half of the calibrations spans more than this is called noisy.
  static let limit = 0.15

  init(directory: String) throws(BenchFailure) {
    let path = directory + "/calibration"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .systemCall("open", path) }
    var looks: [UInt64] = []
    for _ in 0..<1_001 {
      let start = nanoseconds(CLOCK_MONOTONIC)
      looks.append(nanoseconds(CLOCK_MONOTONIC) - start)
    }
    clockNanoseconds = looks.sorted()[500]
    for _ in 0..<20 { bench_sync_once(descriptor) }
    _ = bench_calibrate()
  }

  deinit { close(descriptor) }

  /// One calibration: a loop of arithmetic and one overwrite with its sync.
  func sample() {
    let start = nanoseconds(CLOCK_MONOTONIC)
    withExtendedLifetime(bench_calibrate()) {}
    let middle = nanoseconds(CLOCK_MONOTONIC)
    bench_sync_once(descriptor)
    arithmetic.append(Double(middle - start))
    syncs.append(Double(nanoseconds(CLOCK_MONOTONIC) - middle))
  }

  var arithmeticSpread: Spread? { Spread(arithmetic) }
  var syncSpread: Spread? { Spread(syncs) }

  /// Whether absolute times mean little here.
  var isNoisy: Bool { (arithmeticSpread?.relativeWidth ?? 0) > Noise.limit }

  /// One line for people.
  var summary: String {
    let arithmetic = percent(arithmeticSpread?.relativeWidth ?? 0)
    let sync = percent(syncSpread?.relativeWidth ?? 0)
    let median = microseconds(syncSpread?.median ?? 0)
    return "machine: the same arithmetic varies by \(arithmetic), the same sync (\(median)) by \(sync)"
      + (isNoisy ? "; this is a NOISY machine: believe ratios, not times" : "")
  }
}
