internal import CBenchFloor
internal import StressSupport

/// One subject's operations in one process and nothing around them, for a program that counts instructions:
/// what is to be counted happens inside `bench_counted`.
struct CountedRun {
  let options: BenchOptions
  let operations: Int

  /// As many as it takes until statements are prepared and caches are full.
  private var warmUp: Int { min(operations, 40) }

  /// - Returns: the exit status.
  func run() throws -> Int32 {
    guard let benchCase = options.cases?.first, options.cases?.count == 1, !benchCase.isForManyProcesses
    else { throw StressFailure("--count needs one case of one process") }
    let workplace = try Workplace(in: options.directory)
    defer { workplace.remove() }
    let containers = options.containers?.first ?? 1_000
    let cell = Cell(
      benchCase: benchCase, containers: containers, processes: 1, load: .hot, syncDelayMicroseconds: 0,
      blockNanoseconds: 0, cycles: 0)
    let context = WorkloadContext(cell: cell, place: try workplace.place(containers: containers), worker: 0)
    let workload = try context.workload(of: options.countedSubject)
    for index in 0..<warmUp { try perform(workload, index, isCounted: false) }
    for index in 0..<operations { try perform(workload, warmUp + index, isCounted: true) }
    try workload.close()
    return 0
  }

  private func perform(_ workload: Workload, _ index: Int, isCounted: Bool) throws {
    try workload.before?(index)
    if isCounted {
      let counted = Counted(workload.perform, index)
      bench_counted(
        { context in
          if let context { Unmanaged<Counted>.fromOpaque(context).takeUnretainedValue().run() }
        }, Unmanaged.passUnretained(counted).toOpaque())
      try counted.outcome?.get()
    } else {
      try workload.perform(index)
    }
    try workload.after?(index)
  }
}

/// An operation that C calls.
private final class Counted {
  private let perform: (Int) throws -> Void
  private let index: Int
  private(set) var outcome: Result<Void, any Error>?

  init(_ perform: @escaping (Int) throws -> Void, _ index: Int) {
    self.perform = perform
    self.index = index
  }

  func run() { outcome = Result { try perform(index) } }
}
