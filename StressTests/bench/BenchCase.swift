/// What is measured; the raw value is its name on the command line and in every output.
enum BenchCase: String, CaseIterable {
  case pointRead = "point-read"
  case stateRead = "state-read"
  case has
  case lookUpName = "lookup-name"
  case lookUpPrefix = "lookup-prefix"
  case list
  case listIDs = "list-ids"
  case stateKept = "state-kept"
  case containerKept = "container-kept"
  case lookUpKept = "lookup-kept"
  case listKept = "list-kept"
  case stateBeside = "state-kept-beside"
  case stateAfterCommit = "state-after-commit"
  case update = "durable-update"
  case commits = "durable-commits"
  case freshCommits = "fresh-commits"
  case add
  case remove
  case changeRow = "change-row"
  case podAdd = "pod-add"
  case podLookUp = "pod-lookup"
  case podRemove = "pod-remove-100"
  case networkConnect = "network-connect"
  case sessionAdd = "exec-add"
  case exitCodeRecord = "exit-code-record"
  case exitCodeRead = "exit-code-read"
  case changesRead = "changes-read"
  case changeSeen = "change-seen"
  case filterLabel = "filter-label"
  case lockKept = "lock-kept"
  case lockOpened = "lock-opened"
  case openSole = "open-sole"
  case openHeld = "open-held"
  case openAfter100 = "open-wal-100"
  case openAfter1000 = "open-wal-1000"
  case start = "process-start"
  case startStatic = "process-start-static"
  case ask = "process-ask"
  case askStatic = "process-ask-static"
  case lockCommon = "lock-common"
  case updateOwn = "update-own"
  case updateCommon = "update-common"
  case mix

  /// One line on what one operation is, of the store and of the floor.
  var summary: String {
    switch self {
    case .pointRead: "a whole container by its id, without its specification"
    case .stateRead: "the state of a container by its id"
    case .has: "whether a container exists"
    case .lookUpName: "a whole container by its name"
    case .lookUpPrefix: "a whole container by 12 characters of its id"
    case .list: "id, name, status, image, times, labels and ports of all containers"
    case .listIDs: "the ids of all containers, newest first"
    case .stateKept: "a state by its id again, while nobody commits"
    case .containerKept: "a whole container by its id again, while nobody commits"
    case .lookUpKept: "a whole container by its name again, while nobody commits"
    case .listKept: "the listing of all containers again, while nobody commits"
    case .stateBeside: "a state by its id again, after the store's own commit to another container"
    case .stateAfterCommit: "a state by its id again, after a foreign program's commit to another container"
    case .update: "lock, fresh read, durable update, unlock"
    case .commits:
      "sixteen durable updates under one lock, against sixteen plain commits with synchronous=FULL"
    case .freshCommits:
      "the first thousand durable updates of a new store, against as many plain ones with synchronous=FULL"
    case .add: "a container with a specification of 12 KB and its copy, durable"
    case .remove: "a container with all that belongs to it, durable"
    case .changeRow: "a durable update in C with its row in the sequence of changes, against one without"
    case .podAdd: "a pod with three labels, durable"
    case .podLookUp: "a whole pod by its name"
    case .podRemove: "a pod with 100 containers and all that belongs to them, one durable transaction"
    case .networkConnect: "a container connected to one more network, durable"
    case .sessionAdd: "an exec session, committed and not synced"
    case .exitCodeRecord: "an exit code, durable"
    case .exitCodeRead: "an exit code by its container's id"
    case .changesRead: "the last 100 changes"
    case .changeSeen: "from asking another process to commit to having its change"
    case .filterLabel: "the summaries of ten containers that have a label"
    case .lockKept: "lock and unlock of a lockfile that is open"
    case .lockOpened: "lock and unlock of a lockfile that has to be opened"
    case .openSole: "open, one question, close; nobody else has the database open"
    case .openHeld: "open, one question, close; another process has the database open"
    case .openAfter100: "open, one question, close; nobody else, 100 frames in the WAL"
    case .openAfter1000: "open, one question, close; nobody else, 1,000 frames in the WAL"
    case .start: "cstate ps on an empty store, against a C program that lists one; whole processes"
    case .startStatic: "the same, both as one static executable"
    case .ask: "cstate inspect NAME, against a C program that prints one container; whole processes"
    case .askStatic: "the same, both as one static executable"
    case .lockCommon: "a lock that all processes want, held for 1 ms"
    case .updateOwn: "durable updates by each process of a container of its own"
    case .updateCommon: "durable updates by all processes of one container"
    case .mix: "80 % whole containers read, 20 % durable updates, all over the store"
    }
  }

  static let commitsPerLock = 16
  /// How many kept answers are read between two looks at the clock.
  static let readsPerLook = 64

  /// With how many processes a case for many is run.
  var usualProcesses: [Int] {
    let few = [1, 2, 4, 8, 16, 32]
    return self == .updateOwn ? few + [64, 128, 256] : few
  }

  /// Whether it is run by several processes at once.
  var isForManyProcesses: Bool { isDurableForMany || self == .lockCommon }

  private var isDurableForMany: Bool { [.updateOwn, .updateCommon, .mix].contains(self) }

  /// Whether an operation is a program from its start to its end.
  var isProgram: Bool { [.start, .startStatic, .ask, .askStatic].contains(self) }

  /// Whether the programs are those that `make static` makes.
  var isStatic: Bool { [.startStatic, .askStatic].contains(self) }

  /// Whether the store holds nothing, whatever number of containers is asked for.
  var needsEmptyStore: Bool { [.start, .startStatic].contains(self) }

  /// Whether the peer's way is measured as well.
  var hasPeer: Bool {
    isDurableForMany || [.update, .commits, .add, .remove].contains(self)
      || [.pointRead, .stateRead, .has, .lookUpName, .lookUpPrefix, .list].contains(self)
      || [.openSole, .start, .ask].contains(self)
  }

  /// Whether each operation writes, so that the disk decides how long it takes.
  var isDurable: Bool {
    isDurableForMany
      || [.update, .commits, .add, .remove].contains(self)
      || [.changeRow, .podAdd, .podRemove, .networkConnect, .sessionAdd, .exitCodeRecord].contains(self)
  }

  /// Whether one and the same container is read again and again.
  var readsAgain: Bool {
    [.stateKept, .containerKept, .lookUpKept, .listKept, .stateBeside, .stateAfterCommit].contains(self)
  }

  /// Whether the store may give an answer again that it has kept.
  ///
  /// Elsewhere it is made to ask, as the floor does; where the floor reads nothing, it is as users have it.
  var keepsAnswers: Bool {
    readsAgain || [.commits, .freshCommits, .updateOwn, .updateCommon].contains(self)
  }

  /// Whether what is timed waits for another process.
  var waitsForOthers: Bool { isProgram || [.lockCommon, .changeSeen].contains(self) }
}

/// Whose way of doing it.
enum Subject: Int, CaseIterable {
  case store, floor, peer

  var name: String {
    switch self {
    case .store: "store"
    case .floor: "floor"
    case .peer: "peer"
    }
  }
}

/// How operations follow each other.
enum Load: String {
  /// Each begins when the one before has ended.
  case hot
  /// Each process begins one at fixed moments, 100 a second in all; the wait for a late predecessor counts.
  case paced
}

/// One figure to be measured: a case under certain circumstances.
struct Cell {
  let benchCase: BenchCase
  let containers: Int
  let processes: Int
  let load: Load
  let syncDelayMicroseconds: UInt32
  var blockNanoseconds: UInt64
  var cycles: Int

  var subjects: [Subject] {
    // Beyond 32 processes one operation of the peer takes longer than a block may.
    benchCase.hasPeer && containers <= 10_000 && processes <= 32
      ? [.store, .floor, .peer] : [.store, .floor]
  }

  /// Whether its operations need a processor all the time.
  var waitsForNobody: Bool {
    !benchCase.isDurable && !benchCase.waitsForOthers && benchCase != .openAfter1000
  }

  var name: String {
    var name = "\(benchCase.rawValue) n=\(containers)"
    if benchCase.isForManyProcesses { name += " p=\(processes)" }
    if load == .paced { name += " paced" }
    if syncDelayMicroseconds > 0 { name += " sync+\(syncDelayMicroseconds / 1000)ms" }
    return name
  }
}
