internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// What a call asked for.
enum Verb: String {
  case open, close, add, update, remove, read, state, has, list, batch, section, recover, verify
  case lookUp = "lookup"
}

/// What a container was seen to say.
struct Version {
  let generation: Int64
  let revision: Int64
  let value: UInt64
}

/// What a call saw of one object.
struct Seen {
  let object: Int
  var version: Version?
  var value: UInt64?
  var isThere: Bool?

  init(object: Int, version: Version?) {
    self.object = object
    self.version = version
  }

  init(object: Int, value: UInt64) {
    self.object = object
    self.value = value
  }

  init(object: Int, isThere: Bool) {
    self.object = object
    self.isThere = isThere
  }
}

/// How a call ended.
enum CallEnd {
  case succeeded([Seen])
  case failed(StoreError.Code)
}

/// Writes down what one thread does.
struct Recorder {
  init(_ plan: WorkerPlan, thread: Int32) throws(StressFailure) {}

  mutating func begin(_ verb: Verb, _ objects: [Int]) -> UInt64 { clockNanoseconds(CLOCK_MONOTONIC) }

  mutating func inside(_ object: Int, token: FencingToken, found: UInt32) {}

  mutating func end(_ end: CallEnd) {}
}

/// What the coordinator writes down.
struct Ledger {
  init(_ run: StressRun) throws(StressFailure) {}
  func born(session: Int32, place: Int, role: Role?, pid: pid_t) {}
  func died(session: Int32, status: Int32) {}
}
