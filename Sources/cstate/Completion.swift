/// Scripts that complete command lines in a shell, made from the tables of verbs and options.
enum Completion {
  /// The shells there is a script for.
  static let shells = ["bash", "zsh", "fish"]

  /// The script for one of them; nil for any other name.
  static func script(for shell: String) -> String? {
    switch shell {
    case "bash": bash
    case "zsh": "#compdef cstate\nautoload -U +X bashcompinit && bashcompinit\n" + bash
    case "fish": fish
    default: nil
    }
  }

  private static var visible: [Verb] { Verb.all.filter { !$0.isHidden } }

  /// The first words of all verbs, each once.
  private static var firstWords: [String] {
    visible.map { String($0.name.prefix { $0 != " " }) }.reduce(into: []) { words, word in
      if !words.contains(word) { words.append(word) }
    }
  }

  /// Finds the verb among the words, then offers its options, names of containers, or files.
  private static var bash: String {
    var lines = [
      "_cstate() {", "  local word=\"${COMP_WORDS[COMP_CWORD]}\" verb= second= index",
      "  for ((index = 1; index < COMP_CWORD; index++)); do", "    case \"${COMP_WORDS[index]}\" in",
      "      \(valued(CommandOption.global)) ((index++)) ;;", "      -*) ;;",
      "      *) if [ -z \"$verb\" ]; then verb=\"${COMP_WORDS[index]}\"; "
        + "elif [ -z \"$second\" ]; then second=\"${COMP_WORDS[index]}\"; fi ;;",
      "    esac", "  done", "  case \"$verb $second\" in",
    ]
    for verb in visible where verb.name.contains(" ") {
      lines.append("    '\(verb.name)'*) set -- '\(words(verb.options))' '\(kind(of: verb))' ;;")
    }
    for verb in visible where !verb.name.contains(" ") {
      lines.append("    '\(verb.name) '*) set -- '\(words(verb.options))' '\(kind(of: verb))' ;;")
    }
    for word in firstWords where !Verb.named(inGroup: word).isEmpty {
      let seconds = Verb.named(inGroup: word).map { $0.name.dropFirst(word.count + 1) }
      lines.append("    '\(word) '*) set -- '' '\(seconds.joined(separator: " "))' ;;")
    }
    lines += [
      "    *) set -- '' '\(firstWords.joined(separator: " "))' ;;", "  esac",
      "  if [[ $word == -* ]]; then",
      "    COMPREPLY=($(compgen -W \"$1 \(words(CommandOption.global))\" -- \"$word\"))",
    ]
    for (kind, listing) in listings {
      lines += [
        "  elif [ \"$2\" = \(kind) ]; then",
        "    COMPREPLY=($(compgen -W \"$(cstate \(listing) --format json 2>/dev/null | "
          + "sed -n 's/^ *\"name\": \"\\([^\"]*\\)\".*/\\1/p')\" -- \"$word\"))",
      ]
    }
    lines += [
      "  elif [ \"$2\" = FILE ]; then", "    COMPREPLY=($(compgen -f -- \"$word\"))", "  else",
      "    COMPREPLY=($(compgen -W \"$2\" -- \"$word\"))", "  fi", "}",
      "complete -o filenames -F _cstate cstate",
    ]
    return lines.joined(separator: "\n")
  }

  private static var fish: String {
    var lines = ["complete -c cstate -f"]
    for word in firstWords {
      let summary = visible.first { $0.name == word }?.summary ?? "Verbs of \(word)"
      lines.append("complete -c cstate -n __fish_use_subcommand -a \(word) -d '\(quoted(summary))'")
    }
    for verb in visible {
      let words = verb.name.split(separator: " ")
      let condition = "'__fish_seen_subcommand_from \(words[0])'"
      if words.count > 1 {
        lines.append("complete -c cstate -n \(condition) -a \(words[1]) -d '\(quoted(verb.summary))'")
      }
      lines += verb.options.map { line($0, condition) }
      if kind(of: verb) == "FILE" { lines.append("complete -c cstate -n \(condition) -F") }
    }
    return (lines + CommandOption.global.map { line($0, nil) }).joined(separator: "\n")
  }

  private static func line(_ option: CommandOption, _ condition: String?) -> String {
    "complete -c cstate" + (condition.map { " -n \($0)" } ?? "") + " -l \(option.name)"
      + (option.letter.map { " -s \($0)" } ?? "") + (option.valueName == nil ? "" : " -r")
      + " -d '\(quoted(option.help))'"
  }

  private static func quoted(_ text: String) -> String {
    text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'")
  }

  private static func words(_ options: [CommandOption]) -> String {
    options.map { "--\($0.name)" }.joined(separator: " ")
  }

  /// A pattern of a shell's case for the options whose value is the next word.
  private static func valued(_ options: [CommandOption]) -> String {
    options.filter { $0.valueName != nil }.map { "--\($0.name)" }.joined(separator: "|") + ")"
  }

  /// What lists the names that an operand can be.
  private static let listings = [("NAME", "ps -a"), ("POD", "pod ls"), ("VOLUME", "volume ls")]

  /// What its operands are: names that something lists, files, or words of its own.
  private static func kind(of verb: Verb) -> String {
    if let (kind, _) = listings.first(where: { verb.operands.hasPrefix($0.0) }) { return kind }
    return ["FILE", "BUNDLE"].contains { verb.operands.contains($0) } ? "FILE" : ""
  }
}
