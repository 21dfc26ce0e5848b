internal import CBenchFloor
internal import Glibc
internal import StressSupport

/// How much one and the same piece of work varies on this machine, measured between the blocks of a run.
final class Noise {
  /// What two looks at the clock cost.
  let clockNanoseconds: UInt64
  private var arithmetic: [Double] = []
  private var syncs: [Double] = []
  private var wantedNanoseconds = 0.0
  private var processorNanoseconds = 0.0
  private let descriptor: Int32

  /// Where the middle half of the calibrations spans more than this, times mean little.
  private static let spreadLimit = 0.15
  /// The same where who only computes waits for a processor for more than this share of the time.
  private static let waitLimit = 0.05
  /// A sync that is faster than this reaches no disk.
  private static let fastestSyncNanoseconds = 50_000.0

  init(directory: String) throws(StressFailure) {
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

  /// Adds what operations took that wait for nobody, and what a processor worked for them.
  func add(wantedNanoseconds wanted: Double, processorNanoseconds processor: Double) {
    wantedNanoseconds += wanted
    processorNanoseconds += min(processor, wanted)
  }

  var arithmeticSpread: Spread? { Spread(arithmetic) }
  var syncSpread: Spread? { Spread(syncs) }

  /// Which share of its time somebody who only computes waited for a processor; nil where nobody did that.
  var waitShare: Double? {
    wantedNanoseconds > 0 ? 1 - processorNanoseconds / wantedNanoseconds : nil
  }

  /// Whether absolute times mean little here.
  var isNoisy: Bool {
    (arithmeticSpread?.relativeWidth ?? 0) > Noise.spreadLimit || (waitShare ?? 0) > Noise.waitLimit
  }

  /// Whether syncs cost nothing here, as on a tmpfs.
  var isWithoutDisk: Bool { (syncSpread?.median ?? 0) < Noise.fastestSyncNanoseconds }

  /// One line for people.
  var summary: String {
    let arithmetic = percent(arithmeticSpread?.relativeWidth ?? 0)
    let sync = percent(syncSpread?.relativeWidth ?? 0)
    let wait = waitShare.map { "; who computes waited \(percent($0)) of the time for a processor" } ?? ""
    return "machine: the same arithmetic varies by \(arithmetic), the same sync "
      + "(\(microseconds(syncSpread?.median ?? 0))) by \(sync)\(wait)"
      + (isNoisy ? ". NOISY: believe ratios, not times" : "")
      + (isWithoutDisk ? ". No disk behind the syncs" : "")
  }
}
