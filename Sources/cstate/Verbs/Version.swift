internal import ContainerStateStore

/// The version of the command and of the library it is built from.
enum Version {
  static let number = "0.1.0"
}

extension Verb {
  static let version = Verb(
    "version", "Print the version", json: #"{"version": TEXT}"#, example: "cstate version"
  ) { invocation in
    guard invocation.settings.printsJSON else {
      invocation.output.line("cstate \(Version.number)")
      return ExitStatus.done
    }
    invocation.print(
      .object { json in
        json.member("version", Version.number)
      })
    return ExitStatus.done
  }
}
