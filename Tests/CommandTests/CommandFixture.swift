internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// A store of its own, the built `cstate` to use it with, and bundles for the built-in runner.
final class CommandFixture {
  let directory: TemporaryDirectory
  private var hasContainers = false

  init() throws { directory = try TemporaryDirectory() }

  deinit {
    // Containers that a test has left run on otherwise, or wait to be started; so do those whose rows a test
    // has damaged, which no command removes.
    guard hasContainers else { return }
    if let listed = try? cstate(["ps", "-aq", "--no-trunc"]) {
      let ids = listed.output.split(separator: "\n").map(String.init)
      if !ids.isEmpty { _ = try? cstate(["rm", "--force"] + ids) }
    }
    try? killProcesses(naming: directory.path)
  }

  var root: String { directory.path("store") }

  /// The options that every command of this fixture gets.
  var options: [String] { ["--root", root, "--runtime", "builtin"] }

  /// Runs `cstate` to its end.
  func cstate(
    _ words: [String], environment: [String: String?] = ["CSTATE_ROOT": nil], input: String = "",
    within limit: Duration = .seconds(60)
  ) throws -> ChildProcess.Outcome {
    hasContainers = true
    return try ChildProcess.run(
      executable: "cstate", options + words, environment: environment, input: input, within: limit)
  }

  /// Runs `cstate`, which has to succeed, and returns what it printed without white space at the end.
  @discardableResult
  func succeed(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let outcome = try cstate(words)
    #expect(outcome.status == .code(0), "\(words): \(outcome.errorOutput)", sourceLocation: sourceLocation)
    #expect(outcome.errorOutput.isEmpty, "\(words)", sourceLocation: sourceLocation)
    return trimmed(outcome.output)
  }

  /// Runs `cstate`, which has to fail with `status`, and returns what it said about it.
  @discardableResult
  func fail(
    _ status: Int32, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let outcome = try cstate(words)
    #expect(
      outcome.status == .code(status), "\(words): \(outcome.errorOutput)", sourceLocation: sourceLocation)
    #expect(
      outcome.errorOutput.hasPrefix("cstate: "), "\(outcome.errorOutput)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, "\(words): \(outcome.output)", sourceLocation: sourceLocation)
    return outcome.errorOutput
  }

  /// Runs `cstate --format json`, which has to succeed and print one JSON value.
  func json(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> JSONView {
    let outcome = try cstate(["--format", "json"] + words)
    #expect(outcome.status == .code(0), "\(words): \(outcome.errorOutput)", sourceLocation: sourceLocation)
    return try JSONBytes(outcome.output).root
  }

  /// A bundle whose process is `/bin/sh -c script`.
  func bundle(_ script: String, environment: [String] = ["PATH=/usr/bin:/bin"]) throws -> String {
    let path = directory.path("bundle-\(entries(ofDirectory: directory.path).count)")
    try #require(mkdir(path, 0o700) == 0)
    var json = JSONWriter()
    json.beginObject()
    json.member("ociVersion", "1.0.2")
    json.key("process")
    json.beginObject()
    json.member("args", ["/bin/sh", "-c", script])
    json.member("env", environment)
    json.member("cwd", "/")
    json.endObject()
    json.endObject()
    try write(json.finish().text, toPath: path + "/config.json")
    return path
  }

  /// A bundle whose process runs until a signal ends it.
  func endlessBundle() throws -> String { try bundle("exec sleep 1000") }

  private func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
