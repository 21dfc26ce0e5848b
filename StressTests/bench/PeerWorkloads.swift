internal import CBenchFloor
internal import Glibc
internal import StressSupport

/// The cases in the peer's way: its tables, its statements, its rollback journal.
struct PeerWorkloads {
  let context: WorkloadContext
  private var cell: Cell { context.cell }
  private var path: String { context.place.peerDatabase }

  func workload() throws -> Workload {
    switch cell.benchCase {
    case .openSole: return opening()
    case .start, .ask: return try program()
    default: break
    }
    guard let database = peer_open(path) else { throw StressFailure("\(path) cannot be opened") }
    var workload = workload(on: database)
    workload.close = { peer_close(database) }
    return workload
  }

  private func workload(on database: OpaquePointer) -> Workload {
    let ids = context.readIndices.map { CText(Corpus.id($0)) }
    let names = context.readIndices.map { CText(Corpus.name($0)) }
    let prefixes = context.readIndices.map { CText(String(Corpus.id($0).prefix(12))) }
    let own = CText(Corpus.id(context.ownIndex))
    let context = context
    switch cell.benchCase {
    case .pointRead: return Workload { free(peer_container(database, ids[$0 % ids.count].start)) }
    case .stateRead: return Workload { free(peer_state(database, ids[$0 % ids.count].start)) }
    case .has: return Workload { _ = peer_has(database, ids[$0 % ids.count].start) }
    case .lookUpName: return Workload { free(peer_look_up(database, names[$0 % names.count].start)) }
    case .lookUpPrefix: return Workload { free(peer_look_up(database, prefixes[$0 % prefixes.count].start)) }
    case .list: return Workload { _ in peer_free_list(peer_all(database)) }
    case .update:
      return Workload { _ in
        free(peer_state(database, own.start))
        peer_save(database, own.start)
      }
    case .commits:
      return Workload { _ in
        for _ in 0..<BenchCase.commitsPerLock { peer_save(database, own.start) }
      }
    case .mix:
      return Workload { index in
        let (isUpdate, step) = context.mixed(index)
        if isUpdate {
          peer_save(database, ids[step].start)
        } else {
          free(peer_container(database, ids[step].start))
        }
      }
    case .add, .remove: return changing(database)
    default: return Workload { _ in peer_save(database, own.start) }
    }
  }

  private func changing(_ database: OpaquePointer) -> Workload {
    var next = NewContainer(context, 0, .peer)
    let context = context
    func add() { peer_add(database, next.id.start, next.name.start) }
    if cell.benchCase == .add {
      return Workload(
        before: { next = NewContainer(context, $0, .peer) }, perform: { _ in add() },
        after: { _ in peer_remove(database, next.id.start) })
    }
    return Workload(
      before: {
        next = NewContainer(context, $0, .peer)
        add()
      }, perform: { _ in peer_remove(database, next.id.start) })
  }

  private func opening() -> Workload {
    let path = CText(path)
    let id = CText(Corpus.id(0))
    return Workload { _ in
      let database = peer_open(path.start)
      _ = peer_has(database, id.start)
      peer_close(database)
    }
  }

  private func program() throws -> Workload {
    let words = [try benchProgram("cstate-bench-start", isStatic: false), "--peer", path]
    guard cell.containers > 0 else { return startWorkload(words) }
    let names = context.readIndices.map { Corpus.name($0) }
    return startWorkload { words + [names[$0 % names.count]] }
  }
}
