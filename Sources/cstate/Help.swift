internal import ContainerStateStore
internal import OCIEngine

/// Help, made from the tables of verbs, options and exit statuses.
enum Help {
  /// The help of one verb, or of the whole command for nil.
  static func text(of verb: Verb?) -> String {
    (verb.map(lines(of:)) ?? overview).joined(separator: "\n")
  }

  /// The help of the verbs that begin with one word.
  static func text(ofGroup word: String) -> String {
    let verbs = Verb.named(inGroup: word)
    let lines =
      [
        "Usage: cstate \(word) VERB [OPTION]… [ARGUMENT]…", "",
        "Verbs (cstate \(word) VERB --help tells more):",
      ]
      + columns(verbs.map { ($0.name, $0.summary) }) + ["", "Examples:"]
      + columns(verbs.map { ($0.name, $0.example) })
    return lines.joined(separator: "\n")
  }

  private static var overview: [String] {
    let verbs = Verb.all.filter { !$0.isHidden }
    var lines = ["cstate keeps the state of containers that many processes share, and runs them.", ""]
    lines += [
      "Usage: cstate [OPTION]… VERB [OPTION]… [ARGUMENT]…", "", "Verbs (cstate VERB --help tells more):",
    ]
    lines += columns(verbs.map { ($0.name, $0.summary) })
    lines += ["", "Options of every verb, before or after it:"] + options(CommandOption.global)
    lines += ["", "Examples:"] + columns(verbs.map { ($0.name, $0.example) })
    lines += [
      "", "Names: wherever NAME is asked for, a container's name, its id, or the beginning of its id that",
    ]
    lines += ["no other id shares. A name goes before an id, a whole id before the beginning of one."]
    lines += ["", "Environment:"]
    lines += columns([
      ("CSTATE_ROOT", "Where the store is, unless --root says so"),
      ("XDG_STATE_HOME", "Without both and not as root, the store is in $XDG_STATE_HOME/cstate"),
      ("HOME", "In place of XDG_STATE_HOME: $HOME/.local/state"),
      ("XDG_RUNTIME_DIR", "There, the lockfiles of that store are in cstate/locks"),
    ])
    lines += ["As root the store is in /var/lib/cstate and its lockfiles in /run/cstate/locks."]
    return lines + ["", "Exit statuses:"] + exitStatuses
  }

  private static func lines(of verb: Verb) -> [String] {
    let operands = verb.operands.isEmpty ? "" : " " + verb.operands
    var lines = [verb.summary + ".", "", "Usage: cstate \(verb.name) [OPTION]…\(operands)"]
    for paragraph in verb.details { lines += [""] + wrapped(paragraph) }
    if !verb.options.isEmpty { lines += ["", "Options:"] + options(verb.options) }
    lines += ["", "Options of every verb:"] + options(CommandOption.global)
    if !verb.json.isEmpty { lines += ["", "With --format json:"] + wrapped(verb.json).map { "  " + $0 } }
    if !verb.example.isEmpty { lines += ["", "Example:", "  " + verb.example] }
    return lines + ["", "Exit statuses: cstate --help lists them all."]
  }

  private static var exitStatuses: [String] {
    let own: [(String, String)] = [
      ("\(ExitStatus.done)", "done"),
      ("\(ExitStatus.failed)", "anything that has no status of its own; the message says what"),
      ("\(ExitStatus.usage)", "wrong arguments"),
      ("\(ExitStatus.violations)", "verify found violations"),
    ]
    let store = ExitStatus.storeErrors.map { ("\($0.status)", "\($0.code.rawValue): \($0.meaning)") }
    let engine = ExitStatus.engineErrors.map { ("\($0.status)", "\($0.code.rawValue): \($0.meaning)") }
    let run = [
      (
        "\(ExitStatus.runFailed)",
        "run: cstate itself failed; any other status of run is that of the container"
      )
    ]
    return columns(own + store + engine + run)
      + ["Where several containers are named all are tried; the status is that of the first failure."]
  }

  private static func options(_ options: [CommandOption]) -> [String] {
    columns(
      options.map { ($0.letter.map { "-\($0), " } ?? "    ") + $0.spelling }.enumerated().map {
        ($1, options[$0].help)
      })
  }

  private static func columns(_ rows: [(String, String)]) -> [String] {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { "  " + $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }
  }

  /// Lines of at most 96 characters.
  private static func wrapped(_ paragraph: String) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in paragraph.split(separator: " ") {
      if !line.isEmpty, line.count + word.count >= 96 {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + [line]
  }
}
