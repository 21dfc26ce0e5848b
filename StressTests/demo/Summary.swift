internal import ContainerStateStore

/// What a demo came to.
struct Summary {
  let options: DemoOptions
  let runtime: String
  let lives: [Life]
  let tally: Tally
  let lockWait: LongestLockWait
  let verifyResult: String
  let violations: [String]
  let elapsedNanoseconds: UInt64

  var isClean: Bool { violations.isEmpty }

  private var done: Int { lives.count { $0.isGone } }
  private var lostExitCodes: Int { lives.count { $0.isExitCodeLost } }

  /// Lines for people.
  var lines: [String] {
    let kills = tally.kills.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }
    let killed = kills.isEmpty ? "0" : "\(tally.killCount) (\(kills.joined(separator: ", ")))"
    let waited =
      lockWait.microseconds == 0
      ? "none"
      : "\(formattedDuration(nanoseconds: lockWait.microseconds * 1_000)), \(lockWait.verb)"
        + (lockWait.waitedFor.isEmpty ? "" : " for \(safe(lockWait.waitedFor))")
    var lines = columns([
      ["containers done", "\(done) of \(options.containers)"],
      ["operations", "\(tally.operationCount) in \(formattedDuration(nanoseconds: elapsedNanoseconds))"],
      ["runtime", runtime],
      ["longest lock wait", waited],
      ["kills survived", killed],
      ["exit codes lost with their monitor", "\(lostExitCodes)"],
      ["verify", verifyResult],
    ])
    func text(_ nanoseconds: UInt64) -> String { formattedDuration(nanoseconds: nanoseconds) }
    let rows = tally.distributions.map { [$0, "\($1)", text($2), text($3), text($4)] }
    lines += [""] + columns([["operation", "count", "p50", "p99", "max"]] + rows) + [""]
    lines += violations.map { "violation: \(safe($0))" }
    lines.append(isClean ? "Nothing was lost and nothing is left over." : "violations: \(violations.count)")
    return lines
  }

  private func columns(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }
      return cells.joined(separator: "   ")
    }
  }

  /// Without anything that a terminal would obey.
  private func safe(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
  }

  var json: JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("seed", options.seed)
    json.member("runtime", runtime)
    json.member("containers", options.containers)
    json.member("containers_done", done)
    json.member("operations", tally.operationCount)
    json.member("elapsed_ns", elapsedNanoseconds)
    json.member("longest_lock_wait_us", lockWait.microseconds)
    json.member("longest_lock_wait_verb", lockWait.verb)
    json.member("longest_lock_waited_for", lockWait.waitedFor)
    json.member("exit_codes_lost", lostExitCodes)
    json.member("verify", verifyResult)
    json.key("kills")
    json.beginObject()
    for (verb, count) in tally.kills.sorted(by: { $0.key < $1.key }) { json.member(verb, count) }
    json.endObject()
    json.key("durations")
    json.beginArray()
    for (operation, count, p50, p99, maximum) in tally.distributions {
      json.beginObject()
      json.member("operation", operation)
      json.member("count", count)
      json.member("p50_ns", p50)
      json.member("p99_ns", p99)
      json.member("max_ns", maximum)
      json.endObject()
    }
    json.endArray()
    json.member("violations", violations)
    json.endObject()
    return json.finish()
  }
}
