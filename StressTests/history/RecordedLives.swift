/// The lives of all records as the sequence of changes tells them.
struct RecordedLives {
  /// From one addition of an object to its removal.
  struct Life {
    /// The places of the changes that made the revisions, from the first on.
    var revisions: [Int64] = []
    var removed: Int64?
  }

  fileprivate struct Record {
    var lives: [Life] = []
    /// The last revision; 0 where it is not there, nil where nobody knows.
    var revision: Int64? = 0
    var status: UInt8?
  }

  private var records: [Int: Record] = [:]
  private var isFromBeginning = true
  /// How often something was done to an object of which changes count nothing.
  private(set) var counts: [CountedAction: [Int64]] = [:]
  private(set) var anomalies: [Anomaly] = []

  init(_ table: ChangeTable) {
    var breaks = table.breaks[...]
    for entry in table.entries {
      while let next = breaks.first, next <= entry.change.sequence {
        forget()
        breaks.removeFirst()
      }
      add(entry)
    }
  }

  /// The lives of an object, in order.
  func lives(of object: Int) -> [Life] { records[object]?.lives ?? [] }

  /// After changes that nobody read nothing is known of any record.
  private mutating func forget() {
    isFromBeginning = false
    for object in records.keys {
      records[object]?.revision = nil
      records[object]?.status = nil
    }
  }

  private mutating func add(_ entry: ChangeTable.Entry) {
    let change = entry.change
    let kind = ObjectKind(of: change.object)
    counts[CountedAction(object: change.object, action: change.action), default: []].append(change.sequence)
    guard kind.hasVersions, kind != .connection, [.added, .updated, .removed].contains(change.action) else {
      return
    }
    // Where the beginning of the sequence was not read nothing is known of what had been before.
    let unknown = Record(revision: isFromBeginning ? 0 : nil)
    let fault = records[change.object, default: unknown].follow(
      change, isConfiguration: kind.isConfiguration)
    if let fault {
      anomalies.append(
        Anomaly(
          fault, objects: [change.object], operations: [Int(entry.operation)],
          "Change \(change.sequence), \(change.action) \(ObjectKind.name(of: change.object)) with revision"
            + " \(change.revision), cannot follow what the sequence said of it before."))
    }
    if let configuration = kind.configuration { follow(change, with: configuration) }
  }

  /// A configuration comes and goes with its container or volume.
  private mutating func follow(_ change: ChangeSeen, with configuration: ObjectKind) {
    let object = configuration.object(ObjectKind.number(of: change.object))
    records[object, default: Record(revision: nil)].comeOrGo(change)
  }
}

/// Something that is done to an object and leaves no revision.
struct CountedAction: Hashable {
  var object: Int
  var action: ChangeSeen.Action
}

extension RecordedLives.Record {
  /// Begins or ends with the record that it belongs to.
  fileprivate mutating func comeOrGo(_ change: ChangeSeen) {
    if change.action == .added {
      lives.append(RecordedLives.Life(revisions: [change.sequence]))
      revision = 1
    } else if change.action == .removed {
      if !lives.isEmpty { lives[lives.count - 1].removed = change.sequence }
      revision = 0
    }
  }

  /// Takes a change for the next of the record.
  ///
  /// - Returns: what is wrong with it.
  fileprivate mutating func follow(_ change: ChangeSeen, isConfiguration: Bool) -> Anomaly.Kind? {
    defer {
      revision = change.action == .removed ? 0 : change.revision
      status = change.action == .removed ? nil : change.to
    }
    let before = revision
    var fault: Anomaly.Kind?
    switch change.action {
    case .added:
      if let before, before > 0 { fault = .missedChange }
      if change.revision != 1 { fault = .changeOrder }
      lives.append(RecordedLives.Life(revisions: [change.sequence]))
    case .updated:
      if let before, before + 1 != change.revision {
        fault =
          change.revision == before
          ? .repeatedChange : change.revision > before ? .missedChange : .changeOrder
        if before == 0 { fault = .missedChange }
      }
      if !lives.isEmpty { lives[lives.count - 1].revisions.append(change.sequence) }
    case .removed:
      if let before, before != change.revision { fault = before == 0 ? .repeatedChange : .missedChange }
      if !lives.isEmpty { lives[lives.count - 1].removed = change.sequence }
    default: return nil
    }
    // Statuses are a chain too; what other actions did to them nobody follows.
    if fault == nil, let status, change.action != .added, !isConfiguration, change.from != status {
      fault = .changeOrder
    }
    return fault
  }
}
