internal import CBenchFloor
internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// The bench as a program: what it measures is not asserted, how it judges is.
@Suite("Bench")
struct BenchTests {
  /// Runs a cell that takes well under a second.
  private func bench(_ words: [String], thresholds: String) throws -> ChildProcess.Outcome {
    let directory = try TemporaryDirectory()
    try write(thresholds, toPath: directory.path("thresholds.json"))
    return try ChildProcess.run(
      executable: "cstate-bench",
      ["--quick", "--directory", directory.path, "--thresholds", directory.path("thresholds.json")] + words,
      within: .seconds(120))
  }

  @Test("a broken threshold fails the run with a line that names it; one that holds does not")
  func thresholds() throws {
    func threshold(_ limit: String) -> String {
      """
      {"thresholds": [{"case": "has", "metric": "ratio", "at_most": \(limit), "quick": \(limit)}]}
      """
    }
    let words = ["--only", "has", "--containers", "10"]
    let broken = try bench(words, thresholds: threshold("0.001"))
    #expect(broken.status == .code(1))
    #expect(broken.errorOutput.contains("BROKEN  has n=10: ratio"))
    let whole = try bench(words, thresholds: threshold("100000"))
    #expect(whole.status == .code(0), "\(whole.errorOutput)")
  }

  @Test(
    "JSON holds every subject with ratio, percentiles, syncs, bytes and processor time; syncs are counted")
  func json() throws {
    let outcome = try bench(
      ["--only", "durable-update", "--containers", "10", "--format", "json"], thresholds: "{}")
    let cell = try #require(try JSONBytes(outcome.output).root.at("cells")?.elements().first)
    for subject in ["store", "floor", "peer"] {
      let found = try #require(try cell.at(subject))
      for key in ["p50_ns", "p99_ns", "p999_ns", "max_ns", "cpu_ns_per_operation"] {
        #expect(try #require(try found.at(key)).double() > 0, "\(subject) \(key)")
      }
      #expect(try #require(try found.at("bytes_written_per_operation")).double() > 4096)
    }
    // A durable update is one sync, and a WAL checkpoint's now and then.
    let syncs = try #require(try cell.at("store", "syncs_per_operation")).double()
    #expect(syncs >= 1 && syncs < 2)
    #expect(try #require(try cell.at("peer", "syncs_per_operation")).double() >= 3)
    #expect(try #require(try cell.at("store", "median_ratio", "median")).double() > 0)
  }

  @Test("waits: hand-overs, a waiter's processor time, threads and cancellations are measured and judged")
  func waits() throws {
    let outcome = try bench(["--waits", "--format", "json"], thresholds: "{}")
    #expect([.code(0), .code(1)].contains(outcome.status), "\(outcome.errorOutput)")
    #expect((outcome.status == .code(0)) == outcome.errorOutput.isEmpty, "\(outcome.errorOutput)")
    let figures = try JSONBytes(outcome.output).root.members()
    #expect(figures.count == 10)
    for (what, figure) in figures { #expect(try figure.double() > 0, "\(what)") }
  }

  @Test("processes share a case, and wrong options are refused with status 2")
  func options() throws {
    let outcome = try bench(
      ["--only", "mix", "--containers", "10", "--processes", "3", "--format", "json"], thresholds: "{}")
    let cell = try #require(try JSONBytes(outcome.output).root.at("cells")?.elements().first)
    #expect(try cell.at("processes")?.integer() == 3)
    for words in [
      ["--only", "nothing"], ["--containers", "0"], ["--processes", "257"], ["--format", "xml"],
    ] {
      #expect(try bench(words, thresholds: "{}").status == .code(2), "\(words)")
    }
  }

  @Test("three numbers of processes are enough for the law of scale; the store's size is told")
  func scale() throws {
    let outcome = try bench(
      ["--only", "update-own", "--containers", "10", "--processes", "1,2,4", "--format", "json"],
      thresholds: "{}")
    let report = try JSONBytes(outcome.output).root
    let model = try #require(try report.at("scale_models")?.elements().first)
    #expect(try model.at("case")?.string() == "update-own")
    #expect(try #require(try model.at("operations_per_second_of_one")).double() > 0)
    #expect(try #require(try model.at("serial_share")).double() >= 0)
    let store = try #require(try report.at("stores")?.elements().first)
    // A specification of 12 KB and what is beside it.
    #expect(try #require(try store.at("bytes_per_container")).integer() > 16_000)
  }

  @Test("operations are done for a counter without a measurement, of one case at a time")
  func counted() throws {
    for subject in ["store", "floor"] {
      let words = ["--only", "list-ids", "--containers", "10", "--count", "2", "--subject", subject]
      #expect(try bench(words, thresholds: "{}").status == .code(0), "\(subject)")
    }
    #expect(try bench(["--only", "has,list", "--count", "2"], thresholds: "{}").status == .code(3))
    #expect(try bench(["--only", "has", "--count", "0"], thresholds: "{}").status == .code(2))
    #expect(try bench(["--only", "has", "--subject", "nobody"], thresholds: "{}").status == .code(2))
  }

  @Test("the instructions of each operation that they are counted of are recorded, of both subjects")
  func recordedInstructions() throws {
    let components = #filePath.split(separator: "/").dropLast(3)
    let text = try readText(
      atPath: "/" + components.joined(separator: "/") + "/StressTests/bench/instructions.json")
    let list = try #require(try JSONBytes(text).root.at("operations")).elements()
    let names = try list.map {
      "\(try $0.at("case")?.string() ?? "") \(try $0.at("subject")?.string() ?? "")"
    }
    let cases = ["point-read", "state-read", "durable-update", "lock-kept"]
    #expect(names == cases.flatMap { ["\($0) store", "\($0) floor"] })
    for operation in list { #expect(try #require(try operation.at("instructions")).integer() > 100) }
  }

  @Test("the repository's thresholds can be read, and each of the budgets is among them")
  func repositoryThresholds() throws {
    let components = #filePath.split(separator: "/").dropLast(3)
    let path = "/" + components.joined(separator: "/") + "/StressTests/bench/thresholds.json"
    let text = try readText(atPath: path)
    let list = try #require(try JSONBytes(text).root.at("thresholds")).elements()
    let names = try Set(list.map { try $0.at("case")?.string() ?? "" })
    #expect(
      names.isSuperset(of: [
        "point-read", "state-read", "has", "durable-commits", "list", "lock-kept", "lock-opened", "open-sole",
        "process-start", "update-own",
      ]))
  }

  @Test("percentiles are those of the sorted lengths, to 3 %", arguments: [0.5, 0.99, 0.999, 1])
  func percentiles(share: Double) throws {
    let result = try #require(bench_make_result())
    var lengths = (0..<10_000).map { UInt64($0 * $0) }
    for length in lengths.shuffled() { bench_record(result, length) }
    lengths.sort()
    let exact = Double(lengths[max(0, Int(share * 10_000) - 1)])
    let found = Double(bench_percentile(result, share))
    #expect(found >= exact && found <= exact * 1.035 + 1)
  }
}
