internal import ContainerStateStore
internal import FileLocking
internal import Glibc

/// Roles that follow the changes of a store.
let feedRoles: [String: Role] = [
  // follow ROOT AFTER: says `reading`, then each change after that one as `SEQUENCE KIND ACTION ID REVISION`,
  // or `trimmed`. Without a wake-up by the kernel it would look once an hour.
  "follow": { arguments in
    let store = try StateStore(at: StoreLocation(root: arguments[0]))
    let reader = try ChangeReader(store, longestPause: .seconds(3_600))
    var position = ChangeSequence(rawValue: Int64(arguments[1]) ?? 0)
    guard reader.isWokenByKernel else {
      say("failed: no watch")
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
