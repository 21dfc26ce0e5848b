internal import CFaults
internal import Platform
internal import StressSupport

/// The one fault that a session of a run with `--faults` may meet, and where.
///
/// It follows from the seed, the session's number and its role alone, so the coordinator knows it too.
struct FaultPlan: Sendable {
  let kind: FaultKind
  /// The failpoint; nil for system calls.
  let site: FaultSite?
  /// Of `faults_calls`; 0 for a failpoint.
  private let calls: UInt64
  /// Which passing, or which call, from 1.
  private let number: UInt64

  private static let delayMicroseconds: UInt32 = 2_000

  init(_ role: Role, session: Int32, options: StressOptions, random: RandomSource) {
    var random = random
    // A reader stops itself, which the coordinator tells from a fault by its role.
    let kinds = FaultKind.all.filter { role != .reader || !$0.isStop }
    let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
    self.kind = kind
    switch kind.place {
    case .failpoint:
      // Only the first sessions can meet a store that is being made.
      let isFirst = session <= options.processes
      let sites = FaultSite.all.filter { site in
        (isFirst || !site.isOfCreation) && (site.fails || !kind.isFailure)
      }
      let chosen = sites[Int.random(in: 0..<sites.count, using: &random)]
      (site, calls) = (chosen, 0)
      number = UInt64.random(in: 1...UInt64(chosen.lastPassing), using: &random)
    case .call(let all, _, _, _):
      site = nil
      // Half of them strike one kind of call, so that frequent calls do not take all faults for themselves.
      let bits = (0..<64).map { UInt64(1) << $0 }.filter { all & $0 != 0 }
      let isOne = Bool.random(using: &random)
      calls = isOne ? bits[Int.random(in: 0..<bits.count, using: &random)] : all
      // As often among the first few as among the first thousands; syncs are few.
      let isRare = calls & UInt64(FAULTS_SYNC.rawValue) == calls
      let scale = UInt64.random(in: 1...(isRare ? 3 : isOne ? 8 : 11), using: &random)
      number = UInt64.random(in: 1...(1 << scale), using: &random)
    }
  }

  /// What it is, for people.
  var text: String {
    if let site { return "\(kind.name) at \(site.name), passing \(number)" }
    return "\(kind.name) at call \(number) of kinds 0x\(String(calls, radix: 16))"
  }

  /// Arms this process, before it opens a store or has a second thread.
  ///
  /// - Parameter hits: counts what strikes; shared, so that a death does not take the count away.
  /// - Throws: where SQLite's memory cannot be watched.
  func arm(hits: SharedCount) throws(StressFailure) {
    if kind.isOfSQLiteMemory, faults_watch_sqlite_memory() != 0 {
      throw StressFailure("SQLite's memory cannot be watched")
    }
    switch kind.place {
    case .failpoint(let mode):
      Failpoints.arm("\(site?.name ?? "")=\(mode)@\(number)") { _ in hits.add() }
    case .call(_, let mode, let error, let forever):
      var plan = faults_plan()
      plan.calls = calls
      plan.nth = number
      plan.mode = UInt32(mode.rawValue)
      plan.error = error
      plan.forever = forever
      plan.delay_us = Self.delayMicroseconds
      plan.hits = hits.pointer
      faults_arm(&plan)
    }
  }

  /// Nothing strikes this process any more.
  static func disarm() {
    Failpoints.arm("")
    faults_disarm()
  }
}

/// Which calls of a thread a fault may strike: those inside the store, and none of the harness's own.
///
/// Threads that the store makes are never spared.
enum FaultScope {
  /// Spares the calling thread until the store is called; to be said first by each thread of the harness.
  static func spareThread() { _ = faults_spare(true) }

  /// Runs a call on the store.
  static func suffering<R>(_ body: () throws -> R) rethrows -> R { try with(false, body) }

  /// Runs what the harness writes down in the middle of such a call.
  static func spared<R>(_ body: () throws -> R) rethrows -> R { try with(true, body) }

  private static func with<R>(_ isSpared: Bool, _ body: () throws -> R) rethrows -> R {
    let before = faults_spare(isSpared)
    defer { _ = faults_spare(before) }
    return try body()
  }
}
