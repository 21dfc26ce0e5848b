@testable import FileLocking
internal import Platform
internal import StoreTestSupport
internal import Testing

@Suite("The lockfiles that are open")
struct LockEntriesTests {
  @Test(
    "whatever is opened, used, left and closed, they are found and ordered as in a plain list",
    arguments: SeededGenerator.seeds)
  func againstAList(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var entries = LockEntries(capacity: 4)
    var plain = PlainEntries()
    for _ in 0..<scaled(4_000) {
      let identity = FileIdentity(
        device: UInt64.random(in: 1...2, using: &random), inode: UInt64.random(in: 1...60, using: &random))
      let entry = entries.entry(of: identity)
      #expect(entry?.identity == (plain.users[identity] == nil ? nil : identity))
      if let entry {
        plain.step(on: entry, in: &entries, &random)
      } else {
        let added = entries.add(
          OpenLockfile(identity: identity, descriptor: Int32(identity.inode), ownerID: 7))
        #expect(added.identity == identity && added.descriptor == Int32(identity.inode))
        #expect(!entries.isDiscarded(added))
        plain.users[identity] = 1
      }
      #expect(entries.count == plain.users.count && entries.idleCount == plain.idle.count)
      #expect(entries.longestUnused?.identity == plain.idle.first)
      #expect(entries.shortestUnused?.identity == plain.idle.last)
    }
  }
}

/// The same, the simple way.
private struct PlainEntries {
  var users: [FileIdentity: Int] = [:]
  /// The longest unused first.
  var idle: [FileIdentity] = []

  mutating func step(
    on entry: LockEntry, in entries: inout LockEntries, _ random: inout SeededGenerator
  ) {
    let identity = entry.identity
    let before = users[identity] ?? 0
    #expect(entries.isUsed(entry) == (before > 0))
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      entries.use(entry)
      users[identity] = before + 1
      idle.removeAll { $0 == identity }
    case 1 where before == 0, 2 where before == 0:
      entries.remove(entry)
      users[identity] = nil
      idle.removeAll { $0 == identity }
    case 1 where before > 0:
      entries.discard(entry)
      #expect(entries.isDiscarded(entry))
    default:
      guard before > 0 else { return }
      #expect(entries.endUse(of: entry) == (before == 1))
      users[identity] = before - 1
      if before == 1 { idle.append(identity) }
    }
  }
}
