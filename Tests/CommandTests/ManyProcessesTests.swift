internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("cstate: many processes at once")
struct ManyProcessesTests {
  @Test("run --rm from 30 shells at once: each gets its own container's output and exit status")
  func thirtyRuns() throws {
    let fixture = try CommandFixture()
    // Not opened before: the first open is part of it.
    let children = try (1...30).map { number in
      try ChildProcess(
        executable: "cstate",
        fixture.options + ["run", "--rm", try fixture.bundle("echo \(number); exit \(number)")])
    }
    for (number, child) in zip(1..., children) {
      #expect(try child.line(within: .seconds(60)) == "\(number)")
      #expect(try child.waitForExit(within: .seconds(60)) == .code(Int32(number)))
    }
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
    #expect(try fixture.succeed("verify") == "No violation.")
    #expect(entries(ofDirectory: fixture.root + "/locks").isEmpty)
    #expect(entries(ofDirectory: fixture.root + "/specs").isEmpty)
  }

  @Test(
    "64 processes create, start and remove at once: none is told that something is locked, all come through")
  func sixtyFour() throws {
    let fixture = try CommandFixture()
    let bundle = try fixture.bundle("exit 5")
    // One shell a process, so that the 64 race each other and not this test.
    let script = """
      set -e
      cstate() { "$program" --root "$root" --runtime builtin "$@"; }
      for round in $(seq "$rounds"); do
        name="process-$number-$round"
        cstate create --name "$name" "$bundle" > /dev/null
        cstate start "$name" > /dev/null
        test "$(cstate wait "$name")" = 5
        cstate rm "$name" > /dev/null
        echo "done $round"
      done
      """
    let rounds = scaled(1)
    let children = try (1...64).map { number in
      try ChildProcess(
        executable: "/bin/sh", ["-c", script],
        environment: [
          "program": try buildDirectory() + "/cstate", "root": fixture.root, "rounds": "\(rounds)",
          "number": "\(number)", "bundle": bundle,
        ])
    }
    for child in children {
      for round in 1...rounds { try child.expect("done \(round)", within: .seconds(120)) }
      #expect(try child.waitForExit(within: .seconds(120)) == .code(0))
    }
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
    #expect(try fixture.succeed("verify") == "No violation.")
    #expect(try fixture.succeed("recover") == "Nothing to recover.")
  }
}
