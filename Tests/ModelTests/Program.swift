internal import ContainerStateStore
internal import StoreTestSupport

/// A sequence of operations, made from a seed.
enum Program {
  static func random(seed: UInt64, count: Int) -> [Operation] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in operation(&generator) }
  }

  private static let statuses = ContainerStatus.allCases

  private static func operation(_ generator: inout SeededGenerator) -> Operation {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    func container() -> Int { number(0..<9) }
    func pod() -> Int { number(0..<3) }
    func volume() -> Int { number(0..<4) }
    func chance(_ percent: Int) -> Bool { number(0..<100) < percent }
    switch number(0..<115) {
    case 0..<16: return .add(addition(&generator))
    case 16..<18: return .container(container())
    case 18..<21: return .lookUp(["c0", "c00", "c1", "c11", "c2", "name3", "p0", "x"][number(0..<8)])
    case 21..<22: return .has(container())
    case 22..<26: return .list(filter(&generator))
    case 26..<36:
      return .setStatus(
        container(), statuses[number(0..<9)], expecting: chance(20) ? Int64(number(1..<4)) : nil)
    case 36..<37: return .setExtra(container(), chance(70) ? number(0..<3) : nil)
    case 37..<38:
      return .setBoth(container(), statuses[number(0..<9)], chance(70) ? number(0..<3) : nil)
    case 38..<40: return .recordExit(container(), Int32(number(-1..<4)))
    case 40..<47: return .remove(container(), expecting: chance(20) ? Int64(number(1..<4)) : nil)
    case 47..<50: return .removeTree([container(), container()], includingDependants: chance(60))
    case 50..<52: return .rewrite(container(), name: number(0..<7), label: chance(50) ? number(0..<2) : nil)
    case 52..<53: return .dependants(container())
    case 53..<57: return .addPod(pod(), name: number(0..<3), label: chance(50) ? number(0..<2) : nil)
    case 57..<58: return .pod(pod())
    case 58..<59: return .lookUpPod(["p", "p0", "pod1", "c0"][number(0..<4)])
    case 59..<60: return chance(50) ? .hasPod(pod()) : .updatePod(pod(), path: number(0..<3), expecting: nil)
    case 60..<61: return .members(pod())
    case 61..<65: return .removePod(pod(), includingMembers: chance(50))
    case 65..<69:
      return .addVolume(volume(), storage: chance(30) ? container() : nil, isAnonymous: chance(40))
    case 69..<70: return .volume(volume())
    case 70..<71: return .lookUpVolume(["v", "v0", "v00", "v1"][number(0..<4)])
    case 71..<74: return .mount(volume(), container: container())
    case 74..<76: return .unmount(volume(), container: container())
    case 76..<77: return chance(50) ? .volumeUsers(volume()) : .isVolumeStorage(container())
    case 77..<80: return .removeVolume(volume(), force: chance(40))
    case 80..<83: return .connect(container(), network: number(0..<2), alias: number(0..<2))
    case 83..<84: return .modify(container(), network: number(0..<2), alias: number(0..<2))
    case 84..<86: return .disconnect(container(), network: number(0..<2))
    case 86..<87: return .networks(container())
    case 87..<90: return .addSession(number(0..<4), container: container())
    case 90..<91: return .setSession(number(0..<4), ExecSessionStatus.allCases[number(0..<3)])
    case 91..<93: return .removeSession(number(0..<4))
    case 93..<94: return .removeAllSessions(container())
    case 94..<95: return .sessions(container())
    case 95..<96: return .recordExitCode(container(), Int32(number(-2..<258)))
    case 96..<97: return .exitCode(container())
    case 97..<98: return .pruneExitCodes
    case 98..<99: return .reopen
    case 100..<115: return newer(&generator)
    default: return chance(20) ? .reboot : .networks(container())
    }
  }

  private static func newer(_ generator: inout SeededGenerator) -> Operation {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    let revision = number(0..<3) == 0 ? Int64(number(1..<4)) : nil
    switch number(0..<16) {
    case 15:
      return .volumeSummaries(
        label: number(0..<2) == 0 ? number(0..<2) : nil, isUsed: [nil, true, false][number(0..<3)])
    case 12: return .updateVolume(number(0..<4), path: number(0..<3), expecting: revision)
    case 13..<15:
      return .rewriteVolume(
        number(0..<4), label: number(0..<2) == 0 ? number(0..<2) : nil, expecting: revision)
    case 0: return .dependencies(number(0..<9))
    case 1..<3: return .updatePod(number(0..<3), path: number(0..<3), expecting: revision)
    case 3..<5:
      return .rewritePod(number(0..<3), name: number(0..<3), label: number(0..<2) == 0 ? number(0..<2) : nil)
    case 5: return .podSummaries
    case 6..<8: return .removeLockedPod(number(0..<3), expecting: revision)
    default: return .batch((0..<number(1..<5)).map { _ in step(&generator) })
    }
  }

  private static func step(_ generator: inout SeededGenerator) -> Operation.BatchStep {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    switch number(0..<16) {
    case 13: return .volumePath(number(0..<4), number(0..<3))
    case 14..<16:
      return .rewriteVolume(
        number(0..<4), label: number(0..<2), expecting: number(0..<3) == 0 ? Int64(number(1..<4)) : nil)
    // What is allowed from the first status on, most of the time.
    case 0..<5:
      let status = number(0..<4) == 0 ? statuses[number(0..<9)] : .created
      return .status(number(0..<9), status, expecting: number(0..<6) == 0 ? Int64(number(1..<4)) : nil)
    case 5: return .rename(number(0..<9), number(0..<9))
    case 6..<8: return .remove(number(0..<9))
    case 8..<10: return .path(number(0..<3), number(0..<3))
    case 10: return .renamePod(number(0..<3), number(0..<3))
    case 11: return .removeVolume(number(0..<4))
    default: return .removePod(number(0..<3))
    }
  }

  private static func addition(_ generator: inout SeededGenerator) -> Operation.AddContainer {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    var addition = Operation.AddContainer(id: number(0..<9), name: number(0..<9))
    for _ in 0..<number(0..<3) where number(0..<2) == 0 { addition.dependencies.insert(number(0..<9)) }
    if number(0..<3) == 0 { addition.pod = number(0..<3) }
    addition.isInfrastructure = addition.pod != nil && number(0..<4) == 0
    if number(0..<3) == 0 { addition.volumes.insert(number(0..<4)) }
    addition.label = number(0..<2) == 0 ? number(0..<2) : nil
    for _ in 0..<number(0..<3) where number(0..<3) == 0 { addition.networks.append(number(0..<2)) }
    return addition
  }

  private static func filter(_ generator: inout SeededGenerator) -> Operation.Filter {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    var filter = Operation.Filter()
    switch number(0..<7) {
    case 5: filter.extra = number(0..<3)
    case 0: filter.statuses = [statuses[number(0..<9)], statuses[number(0..<9)]]
    case 1: filter.label = number(0..<2)
    case 2: filter.pod = number(0..<3)
    case 3: filter.volume = number(0..<4)
    case 4: filter.network = number(0..<2)
    default: break
    }
    return filter
  }
}

/// The smallest part of a program that still fails.
enum Shrinking {
  /// Takes away halves, quarters and so on down to single operations, for as long as what is left fails.
  static func shrink(_ program: [Operation], fails: ([Operation]) throws -> Bool) rethrows -> [Operation] {
    var program = program
    var size = max(1, program.count / 2)
    while true {
      var start = 0
      var hasShrunk = false
      while start < program.count {
        var shorter = program
        shorter.removeSubrange(start..<min(start + size, program.count))
        if try !shorter.isEmpty && fails(shorter) {
          program = shorter
          hasShrunk = true
        } else {
          start += size
        }
      }
      if size == 1, !hasShrunk { return program }
      size = max(1, size / 2)
    }
  }
}
