/// What a number of processes brings, by the universal scalability law.
///
/// X(N) = λN / (1 + σ(N − 1) + κN(N − 1)): λ is the rate of one process, σ the share of its time that only
/// one of all can be in, κ what each pair of processes costs both.
///
/// Source: N. J. Gunther, Guerrilla Capacity Planning (2007), chapter 4.
struct ScaleModel {
  /// Operations a second of one process.
  let rate: Double
  /// σ, 0 … 1.
  let serialShare: Double
  /// κ, at least 0.
  let pairCost: Double
  /// How far a measured rate is from the law's at most, as a share.
  let worstError: Double

  /// Fits the law to measured rates, errors relative to each; nil with fewer than three numbers of processes.
  init?(_ points: [(processes: Double, rate: Double)]) {
    guard Set(points.map(\.processes)).count >= 3, points.allSatisfy({ $0.rate > 0 }) else { return nil }
    // N / X(N) is linear in 1/λ, σ/λ and κ/λ.
    func terms(_ n: Double) -> [Double] { [1, n - 1, n * (n - 1)] }
    func fit(_ used: [Int]) -> [Double]? {
      let rows = points.map { point in
        used.map { terms(point.processes)[$0] * point.rate / point.processes }
      }
      let normal = used.indices.map { i in
        used.indices.map { j in rows.reduce(0) { $0 + $1[i] * $1[j] } } + [rows.reduce(0) { $0 + $1[i] }]
      }
      guard let solved = solve(normal) else { return nil }
      var all = [0.0, 0, 0]
      for (index, term) in used.enumerated() { all[term] = solved[index] }
      return all
    }
    let candidates = [[0, 1, 2], [0, 1], [0, 2], [0]].lazy.compactMap(fit)
    guard let found = candidates.first(where: { $0[0] > 0 && $0[1] >= 0 && $0[2] >= 0 }) else { return nil }
    let (rate, serialShare, pairCost) = (1 / found[0], found[1] / found[0], found[2] / found[0])
    self.rate = rate
    self.serialShare = serialShare
    self.pairCost = pairCost
    worstError = points.reduce(0) { worst, point in
      let n = point.processes
      let expected = rate * n / (1 + serialShare * (n - 1) + pairCost * n * (n - 1))
      return max(worst, abs(expected / point.rate - 1))
    }
  }

  /// The number of processes with the most operations a second; nil where more always bring more.
  var processesOfMost: Double? {
    pairCost > 0 && serialShare < 1 ? ((1 - serialShare) / pairCost).squareRoot() : nil
  }

  /// What no number of processes brings more than, where pairs cost nothing; nil where nothing is serial.
  var mostOperationsPerSecond: Double? { serialShare > 0 ? rate / serialShare : nil }

  /// The model in words.
  var summary: String {
    let many = processesOfMost.map { "most at \(fixed($0, 0)) processes" } ?? "more processes bring more"
    let most = serialShare >= 1 ? "more processes bring less" : many
    let (share, cost) = (fixed(serialShare * 100, 1), fixed(pairCost * 1e6, 1))
    return "one process \(fixed(rate, 0)) a second, serial share \(share) %, cost of a pair \(cost) "
      + "millionths, \(most); within \(fixed(worstError * 100, 0)) % of what was measured"
  }
}

/// Solves linear equations, each row with its right side last; nil where there is no one solution.
private func solve(_ equations: [[Double]]) -> [Double]? {
  var rows = equations
  let count = rows.count
  for column in 0..<count {
    let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
    guard abs(rows[pivot][column]) > 1e-30 else { return nil }
    rows.swapAt(column, pivot)
    for row in 0..<count where row != column {
      let factor = rows[row][column] / rows[column][column]
      for index in column...count { rows[row][index] -= factor * rows[column][index] }
    }
  }
  return (0..<count).map { rows[$0][count] / rows[$0][$0] }
}
