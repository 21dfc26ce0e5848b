internal import CBenchFloor
internal import Glibc

/// What one subject did in one cell: its blocks added up, and a figure for each.
final class ResultSum {
  /// Nanoseconds per operation, block by block: the median, which whoever else uses the machine hardly moves.
  private(set) var medians: [Double] = []
  /// The same, as the mean over all operations.
  private(set) var means: [Double] = []
  /// Over all processes and blocks.
  let total: UnsafeMutablePointer<bench_result>
  /// By process.
  private(set) var operations: [UInt64]

  init(processes: Int) {
    operations = Array(repeating: 0, count: processes)
    guard let total = bench_make_result() else { preconditionFailure("out of memory") }
    self.total = total
  }

  deinit { free(total) }

  /// Adds what the workers have left in the page.
  func addBlock(of page: UnsafeMutablePointer<bench_page>) {
    guard let block = bench_make_result() else { preconditionFailure("out of memory") }
    defer { free(block) }
    for worker in operations.indices {
      guard let part = bench_result_of(page, UInt32(worker)) else { continue }
      operations[worker] += part.pointee.operations
      bench_add_result(block, part)
    }
    bench_add_result(total, block)
    guard block.pointee.operations > 0 else { return }
    medians.append(Double(bench_percentile(block, 0.5)))
    means.append(Double(block.pointee.nanoseconds) / Double(block.pointee.operations))
  }
}
