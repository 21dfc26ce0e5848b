/// Containers, locks and witness words in memory.
struct SimulatedStore {
  struct Container {
    var version: Version
  }

  private(set) var containers: [Container?]
  /// What stood there before the last change, where there was something.
  private(set) var replaced: [Container?]
  /// The sequence of changes, from the first on.
  private(set) var changes: [ChangeSeen] = []
  /// How many of the first are gone.
  private(set) var trimmed = 0
  private var isLocked: [Bool]
  private var witnesses: [Int32]
  private var generation: Int64 = 0
  private var token = 0

  init(objects: Int) {
    containers = Array(repeating: nil, count: objects)
    replaced = containers
    isLocked = Array(repeating: false, count: objects)
    witnesses = Array(repeating: 0, count: objects)
  }

  /// Takes the locks of all objects or of none.
  mutating func take(_ objects: [Int]) -> Bool {
    guard !objects.contains(where: { isLocked[$0] }) else { return false }
    for object in objects { isLocked[object] = true }
    return true
  }

  mutating func release(_ objects: [Int]) {
    for object in objects { isLocked[object] = false }
  }

  mutating func nextToken() -> Int {
    token += 1
    return token
  }

  mutating func witness(_ object: Int, _ session: Int32) -> Int32 {
    let found = witnesses[object]
    witnesses[object] = session
    return found
  }

  mutating func clearWitness(_ object: Int) { witnesses[object] = 0 }

  /// - Returns: nil where the object is there already.
  mutating func add(_ object: Int, _ value: UInt64) -> Version? {
    guard containers[object] == nil else { return nil }
    generation += 1
    let version = Version(generation: generation, revision: 1, value: value)
    containers[object] = Container(version: version)
    record(.added, object, 1)
    return version
  }

  private mutating func record(_ action: ChangeSeen.Action, _ object: Int, _ revision: Int64) {
    changes.append(
      ChangeSeen(sequence: Int64(changes.count) + 1, object: object, action: action, revision: revision))
  }

  /// Takes away the newest change, as if nobody had written it down.
  mutating func forgetChange() { changes.removeLast() }

  /// Keeps so many changes.
  mutating func trim(to count: Int) { trimmed = max(trimmed, changes.count - count) }

  mutating func set(_ object: Int, _ version: Version) {
    replaced[object] = containers[object]
    containers[object] = Container(version: version)
    record(.updated, object, version.revision)
  }

  mutating func remove(_ object: Int) {
    record(.removed, object, containers[object]?.version.revision ?? 0)
    replaced[object] = containers[object]
    containers[object] = nil
  }
}
