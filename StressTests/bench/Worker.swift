internal import CBenchFloor
internal import Glibc

/// A forked process with one thread that does operations in blocks, as whichever subject's turn it is.
struct Worker {
  let context: WorkloadContext
  let page: UnsafeMutablePointer<bench_page>
  /// What two looks at the clock cost; taken off every operation.
  let clockNanoseconds: UInt64
  /// Keeps the databases open and does nothing else.
  let isHolder: Bool

  func run() throws {
    bench_delay_syncs(context.cell.syncDelayMicroseconds)
    var workloads: [Workload] = []
    // The holder of `open-held` asks once and stays.
    let made = isHolder ? WorkloadContext(cell: heldCell, place: context.place, worker: 0) : context
    for subject in context.cell.subjects {
      workloads.append(try made.workload(of: subject))
    }
    if isHolder { for workload in workloads { try workload.perform(0) } }
    var performed = workloads.map { _ in 0 }
    var turn: UInt32 = 0
    while true {
      turn = bench_await_turn(page, turn)
      let subject = Int(page.pointee.subject)
      guard subject != BENCH_END else { break }
      guard !isHolder, let result = bench_result_of(page, UInt32(context.worker)) else { continue }
      bench_clear_result(result)
      try block(workloads[subject], into: result, counter: &performed[subject])
    }
    for workload in workloads { try workload.close() }
  }

  private var heldCell: Cell {
    var cell = context.cell
    cell = Cell(
      benchCase: .has, containers: cell.containers, processes: 1, load: .hot, syncDelayMicroseconds: 0,
      blockNanoseconds: 0, cycles: 0)
    return cell
  }

  private func block(
    _ workload: Workload, into result: UnsafeMutablePointer<bench_result>, counter: inout Int
  ) throws {
    let io = bench_io_counted()
    let processor = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    var schedule = Schedule(context.cell, worker: context.worker, begin: page.pointee.begin_nanoseconds)
    let end = page.pointee.end_nanoseconds
    bench_count_io(1)
    while schedule.awaitNext(before: end) {
      try operation(workload, counter, schedule.dueNanoseconds, result)
      counter += 1
    }
    bench_count_io(0)
    if !workload.isSurrounded {
      result.pointee.processor_nanoseconds += nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - processor
    }
    let counted = bench_io_counted()
    result.pointee.syncs += counted.syncs - io.syncs
    result.pointee.bytes_written += counted.bytes_written - io.bytes_written
  }

  private func operation(
    _ workload: Workload, _ index: Int, _ due: UInt64?, _ result: UnsafeMutablePointer<bench_result>
  ) throws {
    if let before = workload.before {
      bench_count_io(0)
      try before(index)
      bench_count_io(1)
    }
    let processor = workload.isSurrounded ? nanoseconds(CLOCK_PROCESS_CPUTIME_ID) : 0
    let start = nanoseconds(CLOCK_MONOTONIC)
    for step in 0..<workload.batch { try workload.perform(index &* workload.batch &+ step) }
    let taken = nanoseconds(CLOCK_MONOTONIC) - (due ?? start)
    let length = taken > clockNanoseconds ? taken - clockNanoseconds : 0
    bench_record(result, length / UInt64(workload.batch))
    if workload.isSurrounded {
      result.pointee.processor_nanoseconds += nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - processor
    }
    if let after = workload.after {
      bench_count_io(0)
      try after(index)
      bench_count_io(1)
    }
  }
}

/// When operations begin.
private struct Schedule {
  /// When the operation was due, which a paced one counts from; nil for as soon as possible.
  private(set) var dueNanoseconds: UInt64?
  private let stepNanoseconds: UInt64
  private var nextNanoseconds: UInt64
  private var isFirst = true

  init(_ cell: Cell, worker: Int, begin: UInt64) {
    guard cell.load == .paced else {
      stepNanoseconds = 0
      nextNanoseconds = 0
      return
    }
    // 100 operations a second in all, the processes one after the other.
    let share: UInt64 = 10_000_000
    stepNanoseconds = share * UInt64(cell.processes)
    nextNanoseconds = begin + share * UInt64(worker)
  }

  /// Waits for the next operation; false where it would begin after `end`.
  ///
  /// At least one is done.
  mutating func awaitNext(before end: UInt64) -> Bool {
    defer { isFirst = false }
    guard stepNanoseconds > 0 else { return isFirst || nanoseconds(CLOCK_MONOTONIC) < end }
    let due = nextNanoseconds
    guard due < end || isFirst else { return false }
    nextNanoseconds += stepNanoseconds
    dueNanoseconds = due
    var time = timespec(tv_sec: Int(due / 1_000_000_000), tv_nsec: Int(due % 1_000_000_000))
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    return true
  }
}

/// The time on a clock of the kernel.
func nanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
