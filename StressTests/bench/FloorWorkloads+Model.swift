internal import CBenchFloor
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// Pods, networks, exec sessions, exit codes and changes in plain C.
extension FloorWorkloads {
  func pods(_ database: OpaquePointer) -> Workload {
    // The pods were added after the containers.
    let example = Int64(cell.containers) + 1
    switch cell.benchCase {
    case .podLookUp:
      let names = (0..<Corpus.podCount).map { CText(Corpus.podName(UInt64($0))) }
      return Workload { free(floor_look_up_pod(database, names[$0 % names.count].start)) }
    case .podAdd:
      var next = NewPod(context, 0)
      return Workload(
        before: { next = NewPod(context, $0) },
        perform: { _ in
          let lock = floor_take_lock(next.lock.start)
          floor_add_pod(database, next.id.start, next.name.start, example)
          floor_keep_files(lock)
        },
        after: { _ in
          _ = floor_remove_pod(database, next.id.start)
          unlink(next.lock.start)
        })
    default: return removalOfFullPods(database, example: example)
    }
  }

  private func removalOfFullPods(_ database: OpaquePointer, example: Int64) -> Workload {
    var next = NewPod(context, 0)
    var members: [NewContainer] = []
    return Workload(
      before: { index in
        next = NewPod(context, index)
        members = context.memberNumbers(ofPod: index).map { NewContainer(context, number: $0, subject) }
        floor_keep_files(floor_take_lock(next.lock.start))
        for member in members {
          let lock = Corpus.specification.bytes.withUnsafeBytes {
            floor_take_files(member.lock.start, member.copy.start, $0.baseAddress, UInt64($0.count))
          }
          floor_keep_files(lock)
        }
        let ids = members.map { UnsafePointer<CChar>?($0.id.start) }
        let names = members.map { UnsafePointer<CChar>?($0.name.start) }
        floor_add_full_pod(
          database, next.id.start, next.name.start, example, ids, names, UInt64(members.count))
        floor_copy_back(database)
      },
      perform: { _ in
        let pod = floor_take_lock(next.lock.start)
        let locks = members.map { floor_take_lock($0.lock.start) }
        guard floor_remove_pod(database, next.id.start) == members.count else {
          throw StressFailure("the pod had other members")
        }
        for (lock, member) in zip(locks, members) {
          floor_drop_files(lock, member.lock.start, member.copy.start)
        }
        unlink(next.lock.start)
        floor_keep_files(pod)
      })
  }

  func parts(_ database: OpaquePointer) -> Workload {
    let generation = Int64(context.ownIndex) + 1
    let (id, session) = (CText(Corpus.id(context.ownIndex)), CText(Corpus.id(1 << 42)))
    let lock = KeptLock("\(context.place.locks)/\(subject.name)-part.lock")
    let isConnection = cell.benchCase == .networkConnect
    let json = isConnection ? Corpus.connectionJSON : Corpus.commandJSON
    return Workload(
      perform: { _ in
        lock.take()
        free(floor_container(database, id.start))
        json.withUnsafeBytes { bytes in
          let (start, count) = (bytes.baseAddress, UInt64(bytes.count))
          if isConnection {
            floor_connect(database, generation, id.start, "bench-network", start, count)
          } else {
            floor_add_session(database, generation, session.start, start, count)
          }
        }
        lock.letGo()
      },
      after: { _ in
        if isConnection {
          floor_disconnect(database, generation, "bench-network")
        } else {
          floor_remove_session(database, session.start)
        }
      })
  }

  func exitCodes(_ database: OpaquePointer) -> Workload {
    let ids = (0..<Corpus.podCount).map { CText(Corpus.id(UInt64($0))) }
    if cell.benchCase == .exitCodeRead {
      return Workload { free(floor_exit_code(database, ids[$0 % ids.count].start)) }
    }
    return Workload { floor_record_exit_code(database, ids[$0 % ids.count].start, Int32($0 & 0xff)) }
  }

  /// The writer is forked before this process opens the database.
  func changeSeen() throws -> Workload {
    let workloads = self
    let (generation, id) = (Int64(context.ownIndex) + 1, CText(Corpus.id(context.ownIndex)))
    let lock = "\(context.place.locks)/\(subject.name)-update.lock"
    let writer = try Committer("commit for the floor") {
      let database = try workloads.openDatabase()
      floor_commit_only(database)
      let lock = KeptLock(lock)
      return {
        lock.take()
        free(floor_container(database, id.start))
        floor_update(database, generation, id.start)
        lock.letGo()
      }
    }
    let database = try openDatabase()
    let watch = floor_watch(path)
    var position = floor_newest_change(database)
    var workload = Workload { _ in
      try writer.commit()
      position = floor_await_change(database, watch, position)
    }
    workload.close = {
      try writer.end()
      close(watch)
      floor_close(database, 0)
    }
    return workload
  }
}

/// The texts of a pod that is added, as C wants them.
private struct NewPod {
  let id: CText
  let name: CText
  let lock: CText

  init(_ context: WorkloadContext, _ index: Int) {
    let number = context.newIndex(index)
    let text = Corpus.id(1 << 41 + number)
    id = CText(text)
    name = CText(Corpus.podName(number))
    lock = CText("\(context.place.locks)/floor-\(text).pod")
  }
}

extension Corpus {
  /// What the columns of a connection and of a session hold.
  fileprivate static let connectionJSON = Array(
    #"{"aliases":["web","4a1f9c8e7d6b"],"interface":"eth1","mac":"02:42:ac:11:00:02"}"#.utf8)
  fileprivate static let commandJSON = Array(
    #"["/bin/sh","-c","exec /usr/local/bin/check --interval 10 --verbose"]"#.utf8)
}
