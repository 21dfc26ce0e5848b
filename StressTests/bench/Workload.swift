/// One subject's way of doing one case: what is timed, and what has to be done around it.
struct Workload {
  /// Makes ready for operation number `index`; not measured.
  var before: ((Int) throws -> Void)?
  /// The operation.
  let perform: (Int) throws -> Void
  /// Undoes it; not measured.
  var after: ((Int) throws -> Void)?
  /// How often it is performed for each look at the clock, which takes longer than what is shortest; the mean
  /// of these counts as one operation.
  var batch = 1
  /// Ends everything.
  var close: () throws -> Void = {}

  var isSurrounded: Bool { before != nil || after != nil }
}

/// What a workload is made for.
struct WorkloadContext {
  let cell: Cell
  let place: Place
  /// Which of the processes this is.
  let worker: Int

  func workload(of subject: Subject) throws -> Workload {
    switch subject {
    case .store: try StoreWorkloads(context: self).workload()
    case .floor: try FloorWorkloads(context: self).workload()
    case .peer: try PeerWorkloads(context: self).workload()
    }
  }

  /// Containers that reads go to, spread over the whole store.
  var readIndices: [UInt64] {
    (0..<min(1_024, cell.containers)).map { step in
      spread(UInt64(step) &* 64 &+ UInt64(worker)) % UInt64(cell.containers)
    }
  }

  /// The container that is asked for again and again; not the one that this process updates.
  var watchedIndex: UInt64 { (ownIndex + 1) % UInt64(cell.containers) }

  /// The container that this process updates.
  var ownIndex: UInt64 { cell.benchCase == .updateCommon ? 0 : UInt64(worker % cell.containers) }

  /// Whether operation number `index` of a mix is an update, and of which container.
  func mixed(_ index: Int) -> (isUpdate: Bool, step: Int) {
    let value = spread(UInt64(index) &* 64 &+ UInt64(worker))
    return (value % 5 == 0, Int(value >> 8 & 1_023) % min(1_024, cell.containers))
  }

  /// A container that no other process adds: beyond those that are there.
  func newIndex(_ index: Int) -> UInt64 { 1 << 32 + UInt64(worker) << 24 + UInt64(index & 0xff_ffff) }
}

/// A number that looks random and depends on nothing else.
func spread(_ value: UInt64) -> UInt64 {
  var mixed = value &+ 0x9e37_79b9_7f4a_7c15
  mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
  mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
  return mixed ^ (mixed >> 31)
}
