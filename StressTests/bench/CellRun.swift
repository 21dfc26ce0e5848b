internal import CBenchFloor
internal import Glibc
internal import StressSupport

/// Runs one cell: workers that stay alive while the subjects take turns, each ending what it has begun.
struct CellRun {
  let cell: Cell
  let place: Place
  let noise: Noise

  func measure() throws(StressFailure) -> CellFigures {
    guard let page = bench_make_page() else { throw .systemCall("mmap", "results") }
    defer { bench_free_page(page) }
    if cell.benchCase.isDurable {
      let place = place
      try inChild("extend the WAL") {
        for subject in [Subject.store, .floor] { floor_extend_wal(place.database(of: subject)) }
      }
    }
    let children = try startWorkers(page)
    do {
      let sums = cell.subjects.map { _ in ResultSum(processes: cell.processes) }
      try runCycles(page, children, sums)
      try end(page, children)
      return CellFigures(cell: cell, sums: sums)
    } catch {
      for child in children { kill(child, SIGKILL) }
      for child in children { waitpid(child, nil, 0) }
      throw error
    }
  }

  private var holders: Int { cell.benchCase == .openHeld ? 1 : 0 }

  private func startWorkers(_ page: UnsafeMutablePointer<bench_page>) throws(StressFailure) -> [pid_t] {
    var children: [pid_t] = []
    for index in 0..<(cell.processes + holders) {
      let isHolder = index >= cell.processes
      let worker = Worker(
        context: WorkloadContext(cell: cell, place: place, worker: index), page: page,
        clockNanoseconds: noise.clockNanoseconds, isHolder: isHolder)
      children.append(try forked(cell.name) { try worker.run() })
    }
    return children
  }

  /// One cycle that warms up, then the measured ones, every second one in the other order.
  private func runCycles(
    _ page: UnsafeMutablePointer<bench_page>, _ children: [pid_t], _ sums: [ResultSum]
  ) throws(StressFailure) {
    for cycle in 0...cell.cycles {
      for subject in cycle % 2 == 0 ? cell.subjects : cell.subjects.reversed() {
        try awaitArrivals(page, children)
        if cycle > 0 { noise.sample() }
        page.pointee.subject = UInt32(subject.rawValue)
        let begin = nanoseconds(CLOCK_MONOTONIC)
        page.pointee.begin_nanoseconds = begin
        page.pointee.end_nanoseconds = begin + cell.blockNanoseconds
        bench_start_turn(page)
        try awaitArrivals(page, children)
        if cycle > 0 { sums[subject.rawValue].addBlock(of: page) }
      }
    }
  }

  private func end(_ page: UnsafeMutablePointer<bench_page>, _ children: [pid_t]) throws(StressFailure) {
    page.pointee.subject = UInt32(BENCH_END)
    bench_start_turn(page)
    for child in children {
      var status: Int32 = 0
      while waitpid(child, &status, 0) < 0 {
        guard errno == EINTR else { throw .systemCall("waitpid", cell.name) }
      }
      guard status == 0 else {
        throw StressFailure("\(cell.name): a process ended with wait status \(status)")
      }
    }
  }

  /// Waits for all, and for nothing once one of them has died.
  private func awaitArrivals(
    _ page: UnsafeMutablePointer<bench_page>, _ children: [pid_t]
  ) throws(StressFailure) {
    let limit = nanoseconds(CLOCK_MONOTONIC) + 120_000_000_000
    while bench_await_arrivals(page, UInt32(children.count)) == 0 {
      for child in children {
        var information = siginfo_t()
        // Looks without taking the status away.
        let found = waitid(P_PID, id_t(child), &information, WEXITED | WNOHANG | WNOWAIT)
        if found != 0 || information.si_signo == SIGCHLD {
          throw StressFailure("\(cell.name): a process ended in the middle")
        }
      }
      guard nanoseconds(CLOCK_MONOTONIC) < limit else {
        throw StressFailure("\(cell.name): a block took over two minutes")
      }
    }
  }
}
