internal import ContainerStateStore
internal import FileLocking
internal import Glibc

/// Roles that follow the changes of a store.
let feedRoles: [String: Role] = [
  // follow ROOT AFTER: says `reading`, then each change after that one as `SEQUENCE KIND ACTION ID REVISION`,
  // or `trimmed`. Without a wake-up by the kernel it would soon look once an hour. With a third argument it
  // has none.
  "follow": { arguments in
    let store = try StateStore(at: StoreLocation(root: arguments[0]))
    let isWatching = arguments.count < 3
    let reader = try isWatching ? hourlyReader(store) : withDescriptors(1) { try hourlyReader(store) }
    var position = ChangeSequence(rawValue: Int64(arguments[1]) ?? 0)
    guard reader.isWokenByKernel == isWatching else {
      say("failed: a watch where there was to be none, or none")
      return 1
    }
    say("reading")
    while true {
      let batch = try reader.wait(after: position, limit: 7, deadlineNanoseconds: .max)
      if batch.wasTrimmed { say("trimmed") }
      for change in batch.changes {
        let what = "\(change.kind.name) \(change.action.name) \(change.id) \(change.revision)"
        say("\(change.sequence.rawValue) \(what)")
      }
      position = batch.position
    }
  }
]

private func hourlyReader(_ store: StateStore) throws -> ChangeReader {
  try ChangeReader(store, longestPause: .seconds(3_600))
}

/// Runs something that gets so many descriptors and no more.
private func withDescriptors<Result>(_ count: UInt, _ body: () throws -> Result) throws -> Result {
  var usual = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &usual)
  let next = dup(STDOUT_FILENO)
  close(next)
  var few = rlimit(rlim_cur: UInt(next) + count, rlim_max: usual.rlim_max)
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
  defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &usual) }
  return try body()
}
