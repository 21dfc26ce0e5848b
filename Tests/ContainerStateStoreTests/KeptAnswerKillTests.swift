internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// Who changes a container is killed or stopped before he has noted what he committed, in the middle of that,
/// or after it.
@Suite("Answers that are kept, beside writers that die")
struct KeptAnswerKillTests {
  private let kept: KeptAnswerFixture
  private let third: ContainerID
  private var store: StateStore { kept.store }
  static let places = ["commit.unnoted", "commit.counted", "commit.committed"]

  init() throws {
    kept = try KeptAnswerFixture { store, _ in try store.add("third") }
    third = try ContainerID("third")
  }

  private func setForeignCount(_ count: Int, of id: ContainerID) throws {
    try kept.fixture.shell(
      """
      UPDATE container_state SET restart_count = \(count)
      WHERE generation = (SELECT generation FROM record WHERE id = '\(id)');
      """)
  }

  @Test(
    "D-9: a writer is killed before he has noted it: what he committed is seen, then and later",
    arguments: places)
  func killed(place: String) throws {
    for round in 1...Int32(2) {
      try kept.keep()
      let writer = try kept.fixture.child(failpoints: "\(place)=kill")
      try writer.send("count abc 1")
      #expect(try writer.waitForExit() == .signal(SIGKILL))
      if round == 1 { #expect(try store.state(of: kept.id).restartCount == round) }
      // Which may enter the gate at once.
      try kept.changeAnother()
      try kept.expectTrue("behind a commit about another")
      #expect(try store.state(of: kept.id).restartCount == round)
      try kept.changeAnother(by: store)
      try kept.expectTrue("and another")
    }
    try expectClean(store)
  }

  @Test(
    "D-9: a writer is stopped before he has noted it: what he committed is seen meanwhile", arguments: places)
  func stopped(place: String) throws {
    try kept.keep()
    let writer = try kept.fixture.child(failpoints: "\(place)=stop")
    try writer.send("count abc 1")
    try writer.waitUntilStopped()
    for _ in 0..<2 { try kept.expectTrue("meanwhile", isLocked: false) }
    #expect(try store.state(of: kept.id).restartCount == 1)
    writer.cont()
    #expect(try writer.expect("ok") == "1")
    try kept.expectTrue("then")
    try kept.changeAnother()
    try kept.expectTrue("behind a commit about another")
    #expect(try writer.succeed("count abc 1") == "2")
    try kept.changeAnother()
    try kept.expectTrue("behind the next")
    try expectClean(store)
  }

  @Test(
    "D-9: a foreign program changes what is kept while a writer about another is stopped before he notes it",
    arguments: places)
  func foreignBehindStopped(place: String) throws {
    for isKilled in [false, true] {
      try kept.keep()
      let count = Int(try store.state(of: kept.id).restartCount) + 10
      let writer = try kept.fixture.child(failpoints: "\(place)=stop")
      try writer.send("count third 1")
      try writer.waitUntilStopped()
      try setForeignCount(count, of: kept.id)
      if isKilled {
        writer.killGroup()
      } else {
        writer.cont()
        try writer.expect("ok")
      }
      // Nobody has asked in between, so what was kept before is all that there is.
      #expect(try store.state(of: kept.id).restartCount == Int32(count))
      try kept.changeAnother()
      try kept.expectTrue("behind a commit about another, \(isKilled)")
    }
  }

  @Test(
    "D-9: what is kept while a writer about it is stopped before he has noted it ends with what comes later",
    arguments: places)
  func keptMeanwhile(place: String) throws {
    let writer = try kept.fixture.child(failpoints: "\(place)=stop")
    try writer.send("count abc 1")
    try writer.waitUntilStopped()
    _ = try kept.answers(isLocked: false)
    writer.cont()
    #expect(try writer.expect("ok") == "1")
    try kept.changeAnother()
    try kept.expectTrue()
    try writer.succeed("count abc 1")
    try kept.changeAnother()
    try kept.expectTrue()
  }

  /// The header's counter of commits begins anew with a recovery: it may say twice that one lies between.
  @Test("D-9: a recovery and a foreign commit behind a writer who is stopped before he notes his are not his")
  func recoveredBehind() throws {
    let (index, saved) = (kept.fixture.databasePath + "-shm", kept.fixture.directory.path("header"))
    // The counter is 0 after the recovery by the next reader.
    try kept.copyHeader(index, saved)
    try kept.changeAnother()
    try kept.copyHeader(saved, index)
    _ = try kept.answers()
    try kept.copyHeader(index, saved)
    let writer = try kept.fixture.child(failpoints: "commit.unnoted=stop")
    try writer.send("count third 1")
    try writer.waitUntilStopped()
    // What is kept now is of the era that this writer has begun.
    for _ in 0..<2 { #expect(try store.state(of: kept.id).restartCount == 0) }
    // As by a writer that died over the header: recovered again, and one commit, by a foreign program.
    try kept.copyHeader(saved, index)
    try setForeignCount(50, of: kept.id)
    writer.cont()
    try writer.expect("ok")
    #expect(try store.state(of: kept.id).restartCount == 50)
    try kept.expectTrue()
  }

  @Test("D-9: what processes share is zeroed within a commit about another, after zeros had come and gone")
  func zeroedWithin() throws {
    try kept.overwriteGate()
    try kept.keep()
    try kept.other.change(kept.id) { $0.restartCount = 5 }
    let writer = try kept.fixture.child(failpoints: "commit.unnoted=stop")
    try writer.send("count third 1")
    try writer.waitUntilStopped()
    try kept.overwriteGate()
    writer.cont()
    try writer.expect("ok")
    #expect(try store.state(of: kept.id).restartCount == 5)
    try kept.expectTrue()
  }

  /// What is committed about the container while the reader is stopped.
  static let changes = ["noted", "batch", "foreign", "removal"]

  @Test(
    "D-9: a reader who is stopped with an old answer does not keep it, whatever is noted until he goes on",
    arguments: changes)
  func stoppedReader(change: String) throws {
    let reader = try kept.fixture.child(failpoints: "answer.read=stop")
    try kept.changeAnother()
    try reader.send("get abc")
    try reader.waitUntilStopped()
    switch change {
    case "noted": try kept.other.change(kept.id) { $0.restartCount = 7 }
    case "batch":
      try kept.other.withLockedContainers([kept.id, third], wait: .upTo(.seconds(10))) {
        try $0.update { $1.restartCount = 7 }
      }
    case "foreign": try setForeignCount(7, of: kept.id)
    default: try kept.other.remove(kept.id)
    }
    try kept.changeAnother()
    reader.cont()
    #expect(try reader.expect("ok") == "name-abc configured 1 0 -")
    for _ in 0..<2 {
      if change == "removal" {
        try reader.fail("get abc", with: .notFound)
      } else {
        #expect(try reader.succeed("get abc").split(separator: " ")[3] == "7")
      }
      try kept.changeAnother()
    }
  }
}

/// What else may happen to the files by which processes tell each other.
@Suite("Answers that are kept, beside files that change")
struct KeptAnswerFileTests {
  private static let truncate = "PRAGMA wal_checkpoint(TRUNCATE);"

  @Test(
    "D-9: the WAL starts anew between, in and behind a change and a commit about another",
    arguments: [1_000, 1])
  func walRestarts(walCheckpointFrames: Int32) throws {
    var options = StoreOptions()
    options.walCheckpointFrames = walCheckpointFrames
    let kept = try KeptAnswerFixture(options: options)
    for round in 0..<Int32(scaled(16)) {
      try kept.keep()
      if round & 1 != 0 { try kept.fixture.shell(Self.truncate) }
      try kept.other.change(kept.id) { $0.restartCount = round + 1 }
      if round & 2 != 0 { try kept.fixture.shell(Self.truncate) }
      if round & 4 != 0 { try kept.changeAnother() }
      if round & 8 != 0 { try kept.fixture.shell(Self.truncate) }
      #expect(try kept.store.state(of: kept.id).restartCount == round + 1)
      try kept.expectTrue("round \(round)")
    }
    try expectClean(kept.store)
  }

  @Test("D-9: a header is left half written over a change, and the next who commits is about another")
  func halfWrittenHeader() throws {
    let kept = try KeptAnswerFixture()
    let (index, saved) = (kept.fixture.databasePath + "-shm", kept.fixture.directory.path("header"))
    for round in 1...Int32(scaled(6)) {
      try kept.keep()
      try kept.copyHeader(index, saved)
      if round % 2 == 0 {
        try kept.other.change(kept.id) { $0.restartCount = round }
      } else {
        try kept.fixture.shell("UPDATE container_state SET restart_count = \(round);")
      }
      // The second copy, which is written first, is the new one.
      try kept.copyHeader(saved, index)
      if round % 3 != 0 { try kept.changeAnother() }
      #expect(try kept.store.state(of: kept.id).restartCount == round)
      try kept.expectTrue("round \(round)")
      try kept.changeAnother()
      try kept.expectTrue("round \(round)")
    }
    try expectClean(kept.store)
  }

  @Test(
    "D-9: what processes share is overwritten while answers are kept",
    arguments: ["/dev/zero", "/dev/urandom"])
  func overwritten(source: String) throws {
    let kept = try KeptAnswerFixture()
    // Numbers of any size and no mark of a failed sync, whose place is in front of them.
    func overwrite() throws { try kept.overwriteGate(from: source) }
    for round in 0..<Int32(scaled(16)) {
      try kept.keep()
      if round & 1 != 0 { try overwrite() }
      if round & 2 != 0 {
        try kept.fixture.shell("UPDATE container_state SET restart_count = \(round + 1);")
      } else {
        try kept.other.change(kept.id) { $0.restartCount = round + 1 }
      }
      if round & 4 != 0 { try overwrite() }
      if round & 8 != 0 { try kept.changeAnother() }
      #expect(try kept.store.state(of: kept.id).restartCount == round + 1)
      try kept.expectTrue("round \(round)")
      try overwrite()
      try kept.changeAnother()
      try kept.expectTrue("round \(round), after all")
    }
    try expectClean(kept.store)
  }

  @Test("D-9: the content of an earlier moment comes back into what processes share")
  func earlierContent() throws {
    let kept = try KeptAnswerFixture()
    let (gate, saved) = (kept.fixture.root + "/gate", kept.fixture.directory.path("gate"))
    for round in 1...Int32(scaled(4)) {
      try kept.keep()
      let words = ["if=\(gate)", "of=\(saved)", "bs=320", "skip=1", "status=none"]
      #expect(try ChildProcess.run(executable: "/bin/dd", words).status == .code(0))
      try kept.other.change(kept.id) { $0.restartCount = round }
      if round % 2 == 0 { try kept.changeAnother() }
      try kept.overwriteGate(from: saved)
      #expect(try kept.store.state(of: kept.id).restartCount == round)
      try kept.changeAnother()
      try kept.expectTrue("round \(round)")
    }
  }
}
