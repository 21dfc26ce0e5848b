internal import CBenchFloor
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// Pods, networks, exec sessions, exit codes and changes as a user of the library works with them.
extension StoreWorkloads {
  func pods(_ store: StateStore) throws -> Workload {
    switch cell.benchCase {
    case .podLookUp:
      let names = (0..<Corpus.podCount).map { Corpus.podName(UInt64($0)) }
      return Workload { _ = try store.lookUpPod(names[$0 % names.count]) }
    case .podAdd:
      var next = try Corpus.pod(context.newIndex(0))
      return Workload(
        before: { next = try Corpus.pod(context.newIndex($0)) },
        perform: { _ in try store.addPod(next) },
        after: { _ in try store.removePod(next.id, wait: .indefinitely, durability: .committed) })
    default: return try removalOfFullPods(store)
    }
  }

  private func removalOfFullPods(_ store: StateStore) throws -> Workload {
    var next = try Corpus.pod(context.newIndex(0))
    let database = try FloorWorkloads(context: context, subject: .store).openDatabase()
    return Workload(
      before: { index in
        next = try Corpus.pod(context.newIndex(index))
        try store.addPod(next, durability: .committed)
        for number in context.memberNumbers(ofPod: index) {
          try store.add(
            Corpus.configuration(number, pod: next.id), specification: Corpus.specification,
            state: Corpus.state, stateExtra: Corpus.stateExtra, durability: .committed)
        }
        floor_copy_back(database)
      },
      perform: { _ in
        let removed = try store.removePod(next.id, includingMembers: true, wait: .indefinitely)
        guard removed.count == WorkloadContext.membersPerPod else {
          throw StressFailure("the pod had \(removed.count) members")
        }
      })
  }

  func parts(_ store: StateStore, of id: ContainerID) throws -> Workload {
    let connection = try NetworkConnection(network: "bench-network", options: Corpus.connection)
    let session = ExecSession(
      id: try ContainerID(Corpus.id(1 << 42)), container: id, command: Corpus.command,
      createdAt: Timestamp(nanosecondsSinceEpoch: 1_600_000_000_000_000_000))
    let isConnection = cell.benchCase == .networkConnect
    return Workload(
      perform: { _ in
        try store.withLockedContainer(id, wait: .indefinitely) {
          if isConnection { try $0.connect(connection) } else { try $0.addExecSession(session) }
        }
      },
      after: { _ in
        try store.withLockedContainer(id, wait: .indefinitely) {
          if isConnection {
            try $0.disconnect(connection.network, durability: .committed)
          } else {
            try $0.removeExecSession(session.id)
          }
        }
      })
  }

  func exitCodes(_ store: StateStore) throws -> Workload {
    let ids = try (0..<Corpus.podCount).map { try ContainerID(Corpus.id(UInt64($0))) }
    if cell.benchCase == .exitCodeRead { return Workload { _ = try store.exitCode(of: ids[$0 % ids.count]) } }
    return Workload { try store.recordExitCode(of: ids[$0 % ids.count], code: Int32($0 & 0xff)) }
  }

  func changes(_ store: StateStore) throws -> Workload {
    let reader = try ChangeReader(store)
    return Workload { _ in
      let place = ChangeSequence(rawValue: try store.lastChange().rawValue - 100)
      guard try reader.next(after: place, limit: 100).changes.count == 100 else {
        throw StressFailure("there are not 100 changes")
      }
    }
  }

  func filter(_ store: StateStore) -> Workload {
    var filter = ContainerFilter()
    filter.labels = [.equals("org.example.rare", "yes")]
    return Workload { _ in
      guard try store.containerSummaries(where: filter).containers.count == 10 else {
        throw StressFailure("not ten containers have the label")
      }
    }
  }

  /// Before this process opens the store it makes one that will commit.
  func changeSeen() throws -> Workload {
    let place = context.place
    let id = try ContainerID(Corpus.id(context.ownIndex))
    let writer = try Committer("commit for the store") {
      let store = try StateStore(at: StoreLocation(root: place.store))
      return { try update(store, id, .committed) }
    }
    let store = try StateStore(at: StoreLocation(root: place.store))
    let reader = try ChangeReader(store)
    var position = try store.lastChange()
    var workload = Workload { _ in
      try writer.commit()
      let deadline = nanoseconds(CLOCK_MONOTONIC) + 10_000_000_000
      let batch = try reader.wait(after: position, deadlineNanoseconds: deadline)
      guard !batch.isEmpty else { throw StressFailure("no change came within ten seconds") }
      position = batch.position
    }
    workload.close = {
      try writer.end()
      try store.close()
    }
    return workload
  }
}

extension WorkloadContext {
  static let membersPerPod = 100

  /// Containers that no other pod and no other process adds.
  func memberNumbers(ofPod index: Int) -> [UInt64] {
    (0..<WorkloadContext.membersPerPod).map { newIndex(index * WorkloadContext.membersPerPod + $0) }
  }
}

/// A forked process that commits whenever it is asked to.
final class Committer {
  private let requests: Int32
  private let process: pid_t

  /// - Parameters:
  ///   - what: for a failure of it.
  ///   - prepare: run in the new process; what it returns commits once.
  /// - Throws: where there is no pipe or no process.
  init(_ what: String, _ prepare: @escaping () throws -> () throws -> Void) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw StressFailure.systemCall("pipe", what) }
    let (asked, asks) = (ends[0], ends[1])
    let parent = getpid()
    process = try forked(what) {
      close(asks)
      let commit = try prepare()
      while Committer.isAsked(asked, parent) { try commit() }
    }
    close(asked)
    requests = asks
  }

  func commit() throws { try send(1) }

  func end() throws {
    try send(0)
    close(requests)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else {
      throw StressFailure("the process that commits ended with wait status \(status)")
    }
  }

  private func send(_ byte: UInt8) throws {
    var byte = byte
    guard write(requests, &byte, 1) == 1 else {
      throw StressFailure.systemCall("write", "a request to commit")
    }
  }

  /// Waits for a request; false where there are no more, or nobody is left to make one.
  private static func isAsked(_ asked: Int32, _ parent: pid_t) -> Bool {
    var descriptor = pollfd(fd: asked, events: Int16(POLLIN), revents: 0)
    while poll(&descriptor, 1, 1_000) <= 0 {
      if getppid() != parent { return false }
    }
    var byte: UInt8 = 0
    return read(asked, &byte, 1) == 1 && byte == 1
  }
}
