/// What the coordinator did and saw.
struct Tally {
  var births: [Role: Int] = [:]
  /// SIGKILLs that were sent.
  var kills = 0
  /// Workers that died of them.
  var deaths = 0
  /// Workers that killed themselves between two steps of an engine.
  var stepKills = 0
  /// Workers that came to their own end.
  var ends = 0
  /// SIGSTOPs that were sent.
  var stops = 0
  /// Readers that stopped themselves inside a snapshot.
  var selfStops = 0
  /// SIGKILLs that were sent to monitors of containers.
  var monitorKills = 0
  /// Workers that died of their faults.
  var faultKills = 0
  /// Workers that stopped themselves by their faults.
  var faultStops = 0
  var faults = FaultTally()
}

/// Which faults were armed, and which of them struck.
struct FaultTally {
  struct Count {
    var armed = 0
    /// How many of those struck, once or often.
    var hit = 0

    fileprivate mutating func add(isHit: Bool) {
      armed += 1
      hit += isHit ? 1 : 0
    }
  }

  private(set) var total = Count()
  private(set) var kinds: [String: Count] = [:]
  private(set) var failpoints: [String: Count] = [:]

  mutating func add(_ plan: FaultPlan, isHit: Bool) {
    total.add(isHit: isHit)
    kinds[plan.kind.name, default: Count()].add(isHit: isHit)
    if let site = plan.site { failpoints[site.name, default: Count()].add(isHit: isHit) }
  }
}

/// What a worker ends with.
enum WorkerExit {
  /// It did what it was to do.
  static let done: Int32 = 0
  /// It saw what must not be, and wrote it down.
  static let complained: Int32 = 3
}
