import Platform

/// The lockfiles that are open, found by device and inode, and those without users in the order of their last
/// use; for `LockDescriptors`, under its mutex.
///
/// Each has a slot in one array, and slots are chained by their places in it. So to find, use or forget one
/// takes a few loads; a dictionary beside a list of idle ones was a third of an uncontended lock.
struct LockEntries {
  private struct Slot {
    /// Kept in a free slot, for the next file there; nil in the first slot.
    let entry: LockEntry?
    var identity = FileIdentity(device: 0, inode: 0)
    var users = 0
    var isDiscarded = false
    /// The next of the same bucket, of a free slot the next free one; 0: none.
    var next = 0
    /// Neighbours in the ring of those without users.
    var older = 0
    var newer = 0
  }

  /// The first belongs to no entry: the ring of those without users begins and ends there.
  private var slots = [Slot(entry: nil)]
  /// The place of the first of each bucket, 0: none.
  ///
  /// Their number is a power of two.
  private var buckets: [Int]
  private var firstFree = 0

  /// How many lockfiles are open.
  private(set) var count = 0
  /// How many of them have no user.
  private(set) var idleCount = 0

  /// Room for so many without allocating; there can be any number.
  init(capacity: Int) {
    var size = 16
    while size < capacity { size *= 2 }
    buckets = Array(repeating: 0, count: size)
    slots.reserveCapacity(size + 1)
  }

  /// The entry of a file, nil where it is not open.
  func entry(of identity: FileIdentity) -> LockEntry? {
    var place = buckets[bucket(of: identity)]
    while place != 0, !(slots[place].identity == identity) { place = slots[place].next }
    return slots[place].entry
  }

  /// One user more.
  mutating func use(_ entry: LockEntry) {
    if slots[entry.place].users == 0 { unlinkIdle(entry.place) }
    slots[entry.place].users += 1
  }

  /// One user less; true where that was the last.
  mutating func endUse(of entry: LockEntry) -> Bool {
    slots[entry.place].users -= 1
    guard slots[entry.place].users == 0 else { return false }
    linkIdle(entry.place)
    return true
  }

  func isUsed(_ entry: LockEntry) -> Bool { slots[entry.place].users > 0 }

  /// Whether the file is to be closed after its last use.
  func isDiscarded(_ entry: LockEntry) -> Bool { slots[entry.place].isDiscarded }

  mutating func discard(_ entry: LockEntry) { slots[entry.place].isDiscarded = true }

  /// The one that has gone unused for longest, or for shortest; nil where all have users.
  var longestUnused: LockEntry? { slots[slots[0].newer].entry }
  var shortestUnused: LockEntry? { slots[slots[0].older].entry }

  /// Adds a file that is not among them; its entry has one user.
  mutating func add(_ file: OpenLockfile) -> LockEntry {
    if count == buckets.count { widen() }
    let place = firstFree
    guard place != 0, let entry = slots[place].entry else { return append(file) }
    firstFree = slots[place].next
    entry.reuse(for: file)
    occupy(place, file.identity)
    return entry
  }

  /// Forgets one; it must not be used any more.
  mutating func remove(_ entry: LockEntry) {
    let place = entry.place
    if slots[place].users == 0 { unlinkIdle(place) }
    let bucket = bucket(of: slots[place].identity)
    if buckets[bucket] == place {
      buckets[bucket] = slots[place].next
    } else {
      var before = buckets[bucket]
      while slots[before].next != place { before = slots[before].next }
      slots[before].next = slots[place].next
    }
    slots[place].next = firstFree
    firstFree = place
    count -= 1
  }

  private mutating func append(_ file: OpenLockfile) -> LockEntry {
    let entry = LockEntry(file, place: slots.count)
    slots.append(Slot(entry: entry))
    occupy(entry.place, file.identity)
    return entry
  }

  private mutating func occupy(_ place: Int, _ identity: FileIdentity) {
    slots[place].identity = identity
    slots[place].users = 1
    slots[place].isDiscarded = false
    chain(place)
    count += 1
  }

  /// Numbers of files made one after the other differ in their last bits, but not on every file system.
  private func bucket(of identity: FileIdentity) -> Int {
    Int(truncatingIfNeeded: (identity.inode &* 0x9e37_79b9_7f4a_7c15) >> 32) & (buckets.count - 1)
  }

  private mutating func linkIdle(_ place: Int) {
    let newest = slots[0].older
    slots[place].older = newest
    slots[place].newer = 0
    slots[newest].newer = place
    slots[0].older = place
    idleCount += 1
  }

  private mutating func unlinkIdle(_ place: Int) {
    let (older, newer) = (slots[place].older, slots[place].newer)
    slots[older].newer = newer
    slots[newer].older = older
    idleCount -= 1
  }

  private mutating func chain(_ place: Int) {
    let bucket = bucket(of: slots[place].identity)
    slots[place].next = buckets[bucket]
    buckets[bucket] = place
  }

  /// Called where no slot is free.
  private mutating func widen() {
    buckets = Array(repeating: 0, count: buckets.count * 2)
    for place in slots.indices.dropFirst() { chain(place) }
  }
}
