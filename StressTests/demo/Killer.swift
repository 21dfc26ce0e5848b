internal import ContainerStateStore
internal import StressSupport

/// Kills one process of the demo now and then, which one is the seed's choice.
struct Killer {
  private var random: RandomSource
  private let marker: String
  private let executable: String

  init(seed: UInt64, marker: String, executable: String) {
    random = RandomSource(seed: ~seed)
    self.marker = marker
    self.executable = executable
  }

  /// Kills a command or a monitor, but none of the containers in `spared`.
  ///
  /// - Returns: whom; nil where none was there to kill.
  mutating func kill(sparing spared: Set<String>) -> DemoProcess? {
    // What runs inside containers is none of cstate's processes: its death would be the truth, not a fault.
    let candidates = DemoProcess.all(marker: marker).filter {
      $0.executable == executable && !spared.contains($0.container)
    }
    guard let victim = candidates.randomElement(using: &random), victim.kill() else { return nil }
    return victim
  }
}
