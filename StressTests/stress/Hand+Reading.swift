internal import ContainerStateStore
internal import Glibc
internal import StoreHistory

extension Hand {
  func read() {
    let object = drawObject()
    if plan.plants(.staleRead), draw(0...1) == 0, let stale = seenBefore[object] {
      plan.board.add(.planted)
      return perform(.read, [object]) { _ in [Seen(object: object, version: stale)] }
    }
    perform(.read, [object], allowed: [.notFound]) { store in
      seenWhole(try store.container(try id(object)), object)
    }
  }

  /// Whether one object is there, and what it says.
  func lookAt(_ object: Int) {
    perform(.has, [object]) { store in
      [Seen(object: object, isThere: try store.hasContainer(try id(object)))]
    }
    perform(.read, [object], allowed: [.notFound]) { store in
      seenWhole(try store.container(try id(object)), object)
    }
  }

  /// Several times: an answer that was kept is given again unless somebody has committed in between.
  func readState() {
    let object = drawObject()
    for _ in 0..<3 {
      perform(.state, [object], allowed: [.notFound]) { store in
        let state = try store.state(of: try id(object))
        return [
          Content.value(of: state).map { Seen(object: object, value: $0) } ?? Seen(object: object, .half)
        ]
      }
    }
  }

  func has() {
    let object = drawObject()
    perform(.has, [object]) { store in
      [Seen(object: object, isThere: try store.hasContainer(try id(object)))]
    }
  }

  /// By name, or by the first twelve characters of the id.
  func lookUp() {
    let object = drawObject()
    let isByName = objects.rival(of: object) == nil && draw(0...1) == 0
    let text = isByName ? objects.name(object) : String(objects.idText(object).prefix(12))
    perform(.lookUp, [object], allowed: [.notFound]) { store in
      let container = try store.lookUpContainer(text)
      if objects.object(ofID: container.id.rawValue) != object {
        complaints.add("looking up \(text) gave \(container.id.rawValue)")
      }
      return [seen(container, object)]
    }
  }

  func list() {
    perform(.list) { store in try store.containers().compactMap(listed) }
  }

  /// Which of these are there.
  func list(_ scope: [Int]) {
    perform(.list, scope) { store in try store.containerSummaries().containers.compactMap(listed) }
  }

  /// Whether a container is there; also where the call fails.
  func isThere(_ object: Int) -> Bool {
    var isThere = true
    perform(.has, [object]) { store in
      isThere = try store.hasContainer(try id(object))
      return [Seen(object: object, isThere: isThere)]
    }
    return isThere
  }

  /// Where a container is in its life; nil where it is not there or cannot be read.
  func status(of object: Int) -> ContainerStatus? {
    var status: ContainerStatus?
    perform(.read, [object], allowed: [.notFound]) { store in
      let container = try store.container(try id(object))
      status = container.status
      return seenWhole(container, object)
    }
    return status
  }

  /// Containers and their configurations in one snapshot.
  func listWhole() {
    perform(.listWhole) { store in
      try store.containers().flatMap { container in
        objects.object(ofID: container.id.rawValue).map { seenWhole(container, $0) } ?? []
      }
    }
  }

  func listed(_ container: Container) -> Seen? {
    objects.object(ofID: container.id.rawValue).map { seen(container, $0) }
  }

  /// Twice, as `readState`.
  func listSummaries() {
    for _ in 0..<2 {
      perform(.list) { store in
        let list = try store.containerSummaries(including: .labels)
        for error in list.corrupt { complaints.add("a listing names \(error)") }
        for summary in list.containers where try !Content.isOfOneConfiguration(summary) {
          complaints.add("a listing shows other labels of \(summary.id) than its configuration has")
        }
        return list.containers.compactMap(listed)
      }
    }
  }

  private func listed(_ summary: ContainerSummary) -> Seen? {
    guard let object = objects.object(ofID: summary.id.rawValue) else { return nil }
    return Content.value(of: summary).map { Seen(object: object, value: $0) } ?? Seen(object: object, .half)
  }

  /// Two listings and a read inside one snapshot, which must agree; with a stop between them.
  ///
  /// - Parameter stopping: whether the process stops itself there; the coordinator wakes it.
  func snapshot(stopping: Bool) {
    let object = drawObject()
    perform(.list) { store in
      try store.read { snapshot in
        let before = try snapshot.containerSummaries()
        if stopping { raise(SIGSTOP) }
        let found: Container?
        do { found = try snapshot.container(try id(object)) } catch let error as StoreError
          where error.code == .notFound
        { found = nil }
        let after = try snapshot.containerSummaries()
        let isSame = before.containers == after.containers && before.corrupt == after.corrupt
        if !isSame { complaints.add("two listings of one snapshot differ") }
        let before1 = before.containers.first { $0.id.rawValue == objects.idText(object) }
        if before1.flatMap({ Content.value(of: $0) }) != found.flatMap({ Content.value(of: $0.state) }) {
          complaints.add("a listing and a read of object \(object) in one snapshot differ")
        }
        return after.containers.compactMap(listed)
      }
    }
  }

  func recover() {
    perform(.recover) { store in
      let report = try store.recover()
      for failure in report.failures where !excuse(failure.code) { complaints.add("recover: \(failure)") }
      if report.wasRebooted { complaints.add("recover took the boot for another one") }
      return []
    }
  }

  func verify() {
    let framesBefore = noteFrames()
    var isReaderNamed = false
    perform(.verify) { store in
      // A lockfile or a copy may just have been made, or left by who was killed; anything else is damage.
      let hasDeaths = plan.options.killEveryMilliseconds > 0 || plan.options.hasFaults
      let harmless: Set<String> = hasDeaths ? ["L-15", "I-14"] : ["L-15"]
      for violation in try store.verify() where !harmless.contains(violation.rule) {
        // SQLite's own check names a page that it cannot read, and goes on.
        if plan.isStruck, violation.message.contains("unable to get the page") { continue }
        if violation.subject == "state.db-wal" {
          isReaderNamed = true
        } else {
          complaints.add("verify: \(violation)")
        }
      }
      return []
    }
    if isReaderNamed { plan.board.add(.namedReaders) }
    let frames = noteFrames()
    if longWAL.isUnexplained(from: framesBefore, to: frames, isReaderNamed: isReaderNamed, plan.options) {
      complaints.add("the WAL went on growing to \(frames) frames, and verify named no reader")
    }
  }

  private func noteFrames() -> Int {
    guard let facts = try? store?.facts() else { return 0 }
    plan.board.raise(.longestWAL, to: UInt64(max(0, facts.walFrames)))
    plan.board.store(.walResetRace, facts.sqliteHasWALResetRace ? 2 : 1)
    return facts.walFrames
  }
}
