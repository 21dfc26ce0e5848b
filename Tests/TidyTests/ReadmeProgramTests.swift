internal import StoreTestSupport
internal import Testing

@Suite("Tidy: the program in the README")
struct ReadmeProgramTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  /// Built against the modules and objects of the running test's own build, which takes seconds.
  ///
  /// A package that depends on this one would compile all of it again.
  @Test("the README's Swift program compiles as it stands and runs")
  func program() throws {
    let readme = try #require(repository.file("README.md"))
    let source = try #require(fence("swift", in: readme))
    #expect(source.count <= 20, "the README promises a short program")
    let directory = try TemporaryDirectory()
    try write(source.joined(separator: "\n") + "\n", toPath: directory.path("main.swift"))
    let compilation = try ChildProcess.run(
      executable: "/usr/bin/env", ["swiftc"] + (try compilerArguments()) + ["main.swift", "-o", "program"],
      workingDirectory: directory.path, within: .seconds(120))
    try #require(compilation.status == .code(0), "\(compilation.output)\(compilation.errorOutput)")
    // Wherever it keeps its store: below the temporary directory.
    let run = try ChildProcess.run(
      executable: directory.path("program"),
      environment: [
        "HOME": directory.path, "TMPDIR": directory.path, "CSTATE_ROOT": directory.path("store"),
        "XDG_STATE_HOME": directory.path, "XDG_RUNTIME_DIR": directory.path,
      ], workingDirectory: directory.path)
    #expect(run.status == .code(0), "\(run.output)\(run.errorOutput)")
    #expect(run.output != "", "the README's program shows nothing")
  }

  /// The lines of the first fence of a language.
  private func fence(_ language: String, in document: Repository.TextFile) -> ArraySlice<Substring>? {
    guard let start = document.lines.firstIndex(of: "```\(language)") else { return nil }
    let body = document.lines[(start + 1)...]
    return body.firstIndex(of: "```").map { body[..<$0] }
  }

  private func compilerArguments() throws -> [String] {
    let build = try buildDirectory()
    let targets = [
      "CPlatform", "Platform", "JSONText", "StateModel", "FileLocking", "SQLiteStorage",
      "ContainerStateStore", "OCIEngine",
    ]
    let moduleMaps = [
      "\(build)/CPlatform.build/module.modulemap", "\(repository.root)/Sources/CSQLite/module.modulemap",
    ]
    return ["-swift-version", "6", "-I", "\(build)/Modules"]
      + moduleMaps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
      + targets.flatMap { objects(of: $0, in: build) } + ["-lsqlite3"]
  }

  /// The object files of a target, without those whose source file is no more: builds leave them behind.
  private func objects(of target: String, in build: String) -> [String] {
    let sources = repository.files(under: ["Sources/\(target)"], extensions: ["swift", "c"])
      .map { $0.path.split(separator: "/").last ?? "" }
    let folder = "\(build)/\(target).build"
    return entries(ofDirectory: folder)
      .filter { $0.hasSuffix(".o") && !$0.hasSuffix(".swiftmodule.o") && sources.contains($0.dropLast(2)) }
      .map { "\(folder)/\($0)" }
  }
}
