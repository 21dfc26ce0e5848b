internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Answers that are kept")
struct KeptAnswerTests {
  let fixture: StoreFixture
  let store: StateStore
  let id: ContainerID
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    id = try store.add("abc", name: "web")
  }

  private var givenCount: Int { store.keptAnswers.givenCount }

  /// Every read whose answer is kept, as text.
  private func answers() throws -> [String] {
    [
      "\(try store.state(of: id))", "\(try store.container(id))", "\(try store.lookUpContainer("web"))",
      "\(try store.lookUpContainer("ab"))", "\(try store.containers())", "\(try store.containerSummaries())",
    ]
  }

  @Test("D-9: what nobody has changed is given again without asking, for every kind of read")
  func given() throws {
    let handle = try store.handle(for: id)
    try handle.refresh()
    let first = try answers()
    let before = givenCount
    #expect(try answers() == first)
    #expect(givenCount == before + first.count)
    try handle.refresh()
    #expect(givenCount == before + first.count + 1)
  }

  @Test(
    "D-9: the next read sees what was committed, whoever did it, for every kind of read",
    arguments: ["itself", "other handle", "other process", "foreign shell"])
  func seen(writer: String) throws {
    let handle = try store.handle(for: id)
    let other = try fixture.open()
    let child = try fixture.child()
    try child.succeed("open")
    for _ in 0..<2 {
      let earlier = try answers()
      try handle.refresh()
      let count = handle.state.restartCount
      switch writer {
      case "itself": try store.change(id) { $0.restartCount += 1 }
      case "other handle": try other.change(id) { $0.restartCount += 1 }
      case "other process": try child.succeed("count abc 1")
      // Which leaves the revision as it was.
      default: try fixture.shell("UPDATE container_state SET restart_count = restart_count + 1;")
      }
      #expect(try handle.refresh().restartCount == count + 1)
      #expect(try store.state(of: id).restartCount == count + 1)
      #expect(try store.container(id).state.restartCount == count + 1)
      #expect(try store.lookUpContainer("web").state.restartCount == count + 1)
      #expect(try store.lookUpContainer("ab").state.restartCount == count + 1)
      #expect(try store.containers().map(\.state.restartCount) == [count + 1])
      try other.change(id) { $0.exitCode = ($0.exitCode ?? 0) + 1 }
      #expect(try answers() != earlier)
      #expect(try store.containerSummaries().containers.first?.exitCode == store.state(of: id).exitCode)
    }
  }

  @Test("D-9: a listing and a lookup see what was added, removed and added again (I-15)")
  func comingAndGoing() throws {
    let other = try fixture.open()
    let first = try store.container(id)
    _ = try answers()
    try other.add("abd")
    #expect(try store.containers().map(\.id.rawValue) == ["abd", "abc"])
    #expect(try store.containerSummaries().containers.count == 2)
    expectError(.ambiguous) { try store.lookUpContainer("ab") }
    try other.remove(id)
    #expect(try store.lookUpContainer("ab").id.rawValue == "abd")
    for _ in 0..<2 {
      expectError(.notFound) { try store.state(of: id) }
      expectError(.notFound) { try store.container(id) }
      expectError(.notFound) { try store.lookUpContainer("web") }
    }
    try other.add("abc", name: "web")
    #expect(try store.container(id).generation > first.generation)
    #expect(try store.lookUpContainer("web").generation > first.generation)
  }

  @Test("D-9: what is committed while an answer is on its way is seen by the next read")
  func committedMeanwhile() throws {
    let place = "answer.read"
    let reader = try fixture.child(failpoints: "\(place)=stop")
    try reader.send("get abc")
    try reader.waitUntilStopped()
    try store.change(id) { $0.restartCount = 7 }
    reader.cont()
    #expect(try reader.expect("ok") == "web configured 1 0 -")
    #expect(try reader.succeed("get abc") == "web configured 2 7 -")
  }

  @Test("D-9: WAL checkpoints and restarts between the reads, by the store and by a foreign program")
  func walRestarts() throws {
    var eager = fixture
    eager.options.walCheckpointFrames = 1
    let other = try eager.open()
    for round in 1...Int32(scaled(20)) {
      try other.change(id) { $0.restartCount = round }
      #expect(try store.state(of: id).restartCount == round)
      if round % 4 == 0 { try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);") }
      #expect(try store.state(of: id).restartCount == round)
      #expect(try store.container(id).state.restartCount == round)
    }
    try store.close()
    try expectClean(other)
  }

  @Test("D-9: nothing kept is given while a header is half written, as by a writer that died over it")
  func halfWrittenHeader() throws {
    let index = fixture.databasePath + "-shm"
    let saved = fixture.directory.path("header")
    let other = try fixture.open()
    for round in 1...Int32(scaled(5)) {
      #expect(try store.state(of: id).restartCount == round - 1)
      // In processes of their own: a close of the index here would drop the locks on it.
      func copy(_ from: String, _ to: String) throws {
        let words = ["if=\(from)", "of=\(to)", "bs=48", "count=1", "conv=notrunc", "status=none"]
        #expect(try ChildProcess.run(executable: "/bin/dd", words).status == .code(0))
      }
      try copy(index, saved)
      try other.change(id) { $0.restartCount = round }
      // The second copy, which is written first, is the new one.
      try copy(saved, index)
      let before = givenCount
      #expect(try store.state(of: id).restartCount == round)
      // The index is whole again, and what is read now is kept.
      #expect(try store.state(of: id).restartCount == round)
      #expect(givenCount == before)
      #expect(try store.state(of: id).restartCount == round)
      #expect(givenCount == before + 1)
    }
    try expectClean(store)
  }

  @Test("D-9: a writer killed at its commit: the next read sees what the others see")
  func killedWriter() throws {
    for place in ["commit.changed", "commit.committed"] {
      let isCommitted = place == "commit.committed"
      let before = try store.state(of: id).restartCount
      let writer = try fixture.child(failpoints: "\(place)=kill")
      try writer.send("count abc 1")
      #expect(try writer.waitForExit() == .signal(SIGKILL))
      #expect(try store.state(of: id).restartCount == before + (isCommitted ? 1 : 0))
      #expect(try fixture.open().state(of: id) == store.state(of: id))
    }
  }

  @Test("D-9: under its lock a container is not read again while nobody has committed but the last holder")
  func lockedAgain() throws {
    let before = givenCount
    try store.change(id) { $0.restartCount += 1 }
    for count in 2...Int32(5) {
      try store.withLockedContainer(id, wait: .none) { locked in
        #expect(try locked.container == store.container(id))
        try locked.update(intent: count % 2 == 0 ? .begin(.start) : .end) { $0.restartCount += 1 }
        if count % 2 == 0 { try locked.update { $0.errorText = "again" } }
      }
    }
    #expect(givenCount == before + 4)
    try expectClean(store)
    #expect(try fixture.open().state(of: id).restartCount == 5)
  }

  @Test(
    "D-9, L-11: under its lock a container is as the last commit left it, whoever made that",
    arguments: ["other handle", "other process", "foreign shell"])
  func lockedAfterOthers(writer: String) throws {
    let other = try fixture.open()
    let child = try fixture.child()
    try child.succeed("open")
    var count: Int32 = 0
    for _ in 0..<3 {
      switch writer {
      case "other handle": try other.change(id) { $0.restartCount += 1 }
      case "other process": try child.succeed("count abc 1")
      // Which leaves every revision as it was.
      default:
        try fixture.shell(
          """
          UPDATE container_state SET restart_count = restart_count + 1;
          UPDATE record SET image_name = image_name || 'x';
          """)
      }
      try store.withLockedContainer(id, wait: .none) { locked in
        #expect(locked.state.restartCount == count + 1)
        #expect(try locked.container == other.container(id))
        try locked.update { $0.restartCount += 1 }
      }
      count += 2
    }
  }

  @Test("D-9: what others commit between a holder's read and his own commit is seen under the next lock")
  func committedBeforeTheHolder() throws {
    let other = try fixture.open()
    for _ in 0..<3 {
      try store.withLockedContainer(id, wait: .none) { locked in
        // Which leaves the revision that the holder's write asks for as it was.
        try fixture.shell("UPDATE record SET image_name = image_name || 'x';")
        try locked.update { $0.restartCount += 1 }
      }
      let known = try store.withLockedContainer(id, wait: .none) { $0.container }
      #expect(try known == other.container(id))
    }
  }

  @Test(
    "D-9: what others commit just after the holder's own commit is seen under the next lock",
    arguments: ["commit.unnoted", "commit.counted", "commit.before-return"])
  func committedBehindTheHolder(place: String) throws {
    let holder = try fixture.child(failpoints: "\(place)=stop")
    try holder.send("count abc 1")
    try holder.waitUntilStopped()
    try fixture.shell("UPDATE container_state SET restart_count = 100;")
    holder.cont()
    try holder.expect("ok 1")
    #expect(try holder.succeed("count abc 1") == "101")
  }

  @Test("L-8: nothing kept is given in a forked child, nor after a close")
  func forkAndClose() throws {
    let child = try fixture.child()
    try child.succeed("open")
    for _ in 0..<2 { #expect(try child.succeed("list") == "abc") }
    #expect(try child.succeed("fork read") == "0")
    #expect(try child.succeed("list") == "abc")
    _ = try answers()
    try store.close()
    expectError(.closed) { try store.state(of: id) }
    expectError(.closed) { try store.containers() }
  }

  @Test("D-9: a newer schema is refused by the next read, whatever was kept")
  func newerSchema() throws {
    _ = try answers()
    let child = try fixture.child()
    try child.succeed("open schema=next")
    expectError(.schemaTooNew) { try store.state(of: id) }
    expectError(.schemaTooNew) { try store.containers() }
  }

  @Test("I-16: damage is told again, and not kept when it is gone")
  func damage() throws {
    _ = try answers()
    try fixture.plant(in: "container_state", "UPDATE container_state SET status = 99;")
    for _ in 0..<2 { expectError(.corrupt) { try store.state(of: id) } }
    #expect(try store.containers().isEmpty)
    try fixture.shell("UPDATE container_state SET status = 1;")
    #expect(try store.containers().count == 1)
    _ = try store.state(of: id)
  }
}

@Suite("How much is kept")
struct KeptAnswerBoundTests {
  @Test("0 switches it off: every read asks")
  func off() throws {
    var fixture = try StoreFixture()
    fixture.options.keptAnswersMaximumBytes = 0
    let store = try fixture.open()
    let id = try store.add("abc")
    for _ in 0..<3 {
      _ = try store.state(of: id)
      _ = try store.containers()
    }
    #expect((store.keptAnswers.givenCount, store.keptAnswers.bytes) == (0, 0))
  }

  @Test("no more than the bound is kept; what is longer than it is not, and nothing goes wrong beyond it")
  func bound() throws {
    var fixture = try StoreFixture()
    fixture.options.keptAnswersMaximumBytes = 8_000
    let store = try fixture.open()
    let ids = try (0..<60).map { try store.add("c\($0)") }
    for round in 0..<3 {
      for id in ids {
        #expect(try store.container(id).id == id)
        #expect(try store.state(of: id).status == .configured)
        #expect((1...8_000).contains(store.keptAnswers.bytes), "round \(round)")
      }
      #expect(try store.containers().count == 60)
    }
    let before = store.keptAnswers.givenCount
    for _ in 0..<2 { #expect(try store.containers().count == 60) }
    #expect(store.keptAnswers.givenCount == before, "a listing longer than the bound")
    for _ in 0..<2 { _ = try store.state(of: ids[0]) }
    #expect(store.keptAnswers.givenCount == before + 1)
  }

  @Test("an answer that was asked for again takes the place of the earlier one")
  func replaced() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let id = try store.add("abc")
    // What its holder knows of it is kept as well.
    try store.change(id) { $0.restartCount = 1 }
    _ = try store.state(of: id)
    let bytes = store.keptAnswers.bytes
    for count in 2...Int32(5) {
      try store.change(id) { $0.restartCount = count }
      #expect(try store.state(of: id).restartCount == count)
      #expect(store.keptAnswers.bytes == bytes)
    }
  }

  @Test("ids and filters that are alike have answers of their own")
  func alike() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    // Alike where the hash looks: at the beginning, in the middle, at the end, and in length.
    let ids = try ["a", "b", "c"].map {
      try store.add("\(String(repeating: "0", count: 20))\($0)\(String(repeating: "0", count: 43))")
    }
    for id in ids { try store.change(id) { $0.errorText = id.rawValue } }
    var ascending = ContainerFilter.all
    ascending.isAscending = true
    for _ in 0..<2 {
      for id in ids {
        #expect(try store.state(of: id).errorText == id.rawValue)
        #expect(try store.container(id).id == id)
      }
      let list = try store.containers().map(\.id)
      #expect(try store.containers(where: ascending).map(\.id) == list.reversed())
      #expect(try store.containerSummaries(where: ascending).containers.map(\.id) == list.reversed())
    }
  }

  @Test("many questions that collide: each gets its own answer, and those that find no place are asked again")
  func colliding() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let zeros = String(repeating: "0", count: 28)
    let ids = try (100..<160).map { number in
      let id = try store.add(zeros.prefix(20) + "\(number)" + zeros.prefix(41))
      try store.change(id) { $0.restartCount = Int32(number) }
      return id
    }
    for _ in 0..<3 {
      for (index, id) in ids.enumerated() {
        #expect(try store.state(of: id).restartCount == Int32(100 + index))
      }
      #expect(store.keptAnswers.bytes > 0)
    }
    let before = store.keptAnswers.givenCount
    for _ in 0..<2 { _ = try store.state(of: ids[59]) }
    #expect(store.keptAnswers.givenCount > before, "the newest has a place")
  }

  @Test("D-9: threads that read what others change never see it go back, while connections come and go")
  func threads() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let id = try store.add("abc")
    let child = try fixture.child()
    try child.succeed("open")
    let last = Int32(scaled(100))
    try child.send("count abc \(last)")
    // More than the connections that stay open.
    try inParallel(8) { _ in
      var seen: Int32 = 0
      try waitUntil("count \(last) to be seen", within: .seconds(120)) {
        let count = try store.state(of: id).restartCount
        guard count >= seen else { throw TestSupportError("\(count) after \(seen)") }
        seen = count
        return count == last
      }
    }
    #expect(try child.line(within: .seconds(60)) == "ok \(last)")
  }
}
