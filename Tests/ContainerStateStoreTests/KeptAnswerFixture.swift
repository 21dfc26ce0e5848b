internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// Every answer that is kept about one container, or the code of the error that came instead.
struct Answers: Equatable {
  enum Answer<Value: Equatable>: Equatable {
    case value(Value)
    case error(StoreError.Code)

    init(_ ask: () throws -> Value) throws {
      do { self = .value(try ask()) } catch let error as StoreError { self = .error(error.code) }
    }
  }

  /// What a holder knows.
  struct Known: Equatable {
    let container: Container
    let intent: Intent?
  }

  var state: Answer<ContainerState>
  var container: Answer<Container>
  /// The state of the row that a handle stands for.
  var refreshed: Answer<ContainerState>
  /// nil where nobody asked for the lock.
  var locked: Answer<Known>?

  /// How many there are.
  static let count = 4
}

extension StateStore {
  /// What this store says of a container, through a handle on it too.
  func answers(about id: ContainerID, _ handle: ContainerHandle, isLocked: Bool = true) throws -> Answers {
    Answers(
      state: try .init { try state(of: id) }, container: try .init { try container(id) },
      refreshed: try .init { try handle.refresh() },
      locked: isLocked
        ? try .init {
          try withLockedContainer(id, wait: .upTo(.seconds(10))) {
            Answers.Known(container: $0.container, intent: $0.intent)
          }
        } : nil)
  }
}

/// A store that keeps answers about a container, others who change that one and others, and somebody who has
/// just opened the store and keeps nothing.
struct KeptAnswerFixture {
  let fixture: StoreFixture
  let store: StateStore
  /// Another handle on it in this process.
  let other: StateStore
  let id: ContainerID
  /// Another container, whose commits are noted as about that alone.
  let another: ContainerID
  let handle: ContainerHandle

  /// Before anything is asked, `prepare` says what else is there and what has become of the container.
  init(
    options: StoreOptions = .init(), _ prepare: (StateStore, ContainerID) throws -> Void = { _, _ in }
  ) throws {
    var fixture = try StoreFixture()
    fixture.options = options
    self.fixture = fixture
    store = try fixture.open()
    other = try fixture.open()
    _ = try store.addPod("pod")
    id = try store.add("abc", inPod: "pod")
    another = try store.add("other")
    try prepare(other, id)
    handle = try store.handle(for: id)
  }

  var givenCount: Int { store.keptAnswers.givenCount }

  /// What the store says.
  func answers(isLocked: Bool = true) throws -> Answers {
    try store.answers(about: id, handle, isLocked: isLocked)
  }

  /// Asks for all of them, so that each is kept and given.
  func keep(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let first = try answers()
    let before = givenCount
    #expect(try answers() == first, sourceLocation: sourceLocation)
    #expect(givenCount == before + Answers.count, "all are kept", sourceLocation: sourceLocation)
  }

  /// What somebody says who has just opened the store.
  func trueAnswers(isLocked: Bool = true) throws -> Answers {
    var forgetful = fixture
    forgetful.options.keptAnswersMaximumBytes = 0
    let fresh = try forgetful.open()
    defer { #expect(fresh.keptAnswers.givenCount == 0) }
    let present = try? fresh.container(id)
    var answers = try fresh.answers(
      about: id, present.map { _ in try fresh.handle(for: id) } ?? handle, isLocked: isLocked)
    // A handle stands for its row, whatever has its id now.
    if present?.generation != handle.initial.generation {
      answers.refreshed = .error(handle.wasRemoved ? .removed : .notFound)
    }
    return answers
  }

  /// DURABILITY D-9: nothing that the store says is older than what somebody says who has just come.
  func expectTrue(
    _ what: String = "", isLocked: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try trueAnswers(isLocked: isLocked)
    #expect(try answers(isLocked: isLocked) == expected, "\(what)", sourceLocation: sourceLocation)
  }

  /// Somebody commits what is about another container alone, and notes that.
  func changeAnother(by store: StateStore? = nil) throws {
    try (store ?? other).change(another) { $0.restartCount += 1 }
  }

  /// Overwrites what processes share through the gate's file behind the record of its holder, in a process of
  /// its own: a descriptor of it that is closed here takes the gate along.
  func overwriteGate(from source: String = "/dev/zero") throws {
    let words = [
      "if=\(source)", "of=\(fixture.root)/gate", "bs=3776", "count=1", "seek=320", "oflag=seek_bytes",
      "iflag=fullblock", "conv=notrunc", "status=none",
    ]
    #expect(try ChildProcess.run(executable: "/bin/dd", words).status == .code(0))
  }

  /// Copies the first copy of the header of the WAL's index to a file or from it.
  func copyHeader(_ source: String, _ target: String) throws {
    let words = ["if=\(source)", "of=\(target)", "bs=48", "count=1", "conv=notrunc", "status=none"]
    #expect(try ChildProcess.run(executable: "/bin/dd", words).status == .code(0))
  }
}
