internal import ContainerStateStore
internal import Glibc
internal import ScratchStorage
internal import StressSupport

/// One loss of power: a load, the cut, and what was found after.
struct Round {
  let root: String
  let ledgers: String
  let number: Int
  /// The boot before this loss of power, and the one after.
  var bootID: String { "power-loss-\(number)" }
  var nextBootID: String { "power-loss-\(number + 1)" }

  var verdictPath: String { "\(ledgers)/verdict-\(number)" }
  private func statePath(_ number: Int) -> String { "\(ledgers)/state-\(number)" }

  func ledgerPath(worker: Int) -> String { "\(ledgers)/ledger-\(number)-\(worker)" }

  /// In a process of its own: opens what came back, judges it, and writes verdict and state.
  ///
  /// - Parameters:
  ///   - moment: when the first worker was to have stopped itself.
  ///   - workers: how many ledgers there are.
  ///   - cut: when the power went: nobody could have heard what was acknowledged from then on. (A sync that
  ///     is under way at the cut may still return without an error, of a plain file too: the machine goes
  ///     on, which one without power does not.)
  /// - Returns: its exit status: 0 where a verdict was written.
  func judge(at moment: Moment, workers: Int, cut: UInt64) -> Int32 {
    var violations: [String] = []
    do {
      let read = try (0..<workers).map { try Ledger.entries(path: ledgerPath(worker: $0), before: cut) }
      let entries = read.flatMap(\.entries)
      violations += read.flatMap(\.failures)
      if moment != .random, read.first?.stop != moment.rawValue {
        violations.append("the worker did not stop \(moment.rawValue)")
      }
      let before = try number == 0 ? [:] : readState(number - 1)
      let found = try look(bootID: bootID, &violations)
      let judgement = Judgement(entries: entries, before: before, found: found)
      violations += judgement.violations
      // After the reboot that a loss of power is, as the next processes will find it.
      try writeState(look(bootID: nextBootID, &violations))
      let counts = "\(entries.count) \(judgement.kept) \(judgement.lost)"
      return conclude(counts, violations)
    } catch {
      return conclude("0 0 0", violations + ["the store cannot be used: \(error)"])
    }
  }

  private func conclude(_ counts: String, _ violations: [String]) -> Int32 {
    let text = ([counts] + violations).joined(separator: "\n") + "\n"
    do { try writeFile(Array(text.utf8), to: verdictPath) } catch { return 1 }
    return 0
  }

  /// Opens the store, has it verified, and reads all of it.
  private func look(bootID: String, _ violations: inout [String]) throws -> [String: FoundContainer] {
    var options = StoreOptions()
    options.bootID = bootID
    let store = try StateStore(at: StoreLocation(root: root), options: options)
    let report = try store.recover()
    violations += report.failures.map { "recover: \($0)" }
    violations += try store.verify().map { "verify: \($0)" }
    let list = try store.containerSummaries()
    violations += list.corrupt.map { "listing: \($0)" }
    var found: [String: FoundContainer] = [:]
    for container in try store.containers() {
      found[container.id.rawValue] = FoundContainer(
        generation: container.generation, revision: container.stateRevision,
        value: UInt64(container.state.errorText) ?? 0)
    }
    if found.count != list.containers.count { violations.append("two listings differ") }
    try store.close()
    return found
  }

  private func writeState(_ state: [String: FoundContainer]) throws(StressFailure) {
    let lines = state.map { "\($0) \($1.generation) \($1.revision) \($1.value)\n" }
    try writeFile(Array(lines.joined().utf8), to: statePath(number))
  }

  private func readState(_ number: Int) throws(StressFailure) -> [String: FoundContainer] {
    guard let bytes = readFile(statePath(number)) else { throw .systemCall("open", statePath(number)) }
    var state: [String: FoundContainer] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard words.count == 4, let generation = Int64(words[1]), let revision = Int64(words[2]),
        let value = UInt64(words[3])
      else { throw StressFailure("\(statePath(number)): no state") }
      state[String(words[0])] = FoundContainer(generation: generation, revision: revision, value: value)
    }
    return state
  }
}
