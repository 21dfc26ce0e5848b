internal import SVGDrawing

extension HistoryDrawing {
  /// Where everything stands.
  struct Layout {
    let left: Double = 140
    private(set) var right: Double = 0
    private(set) var names: [String] = []
    private let top: Double
    private var lanes: [Int] = []
    private var columns: [UInt64: Double] = [:]
    private let operations: [Operation]
    /// What is covered by text and bars.
    private var taken: [Box] = []

    private struct Box {
      var left: Double
      var right: Double
      var top: Double
      var bottom: Double

      func meets(_ other: Box) -> Bool {
        left < other.right && other.left < right && top < other.bottom && other.top < bottom
      }
    }

    private static let laneHeight: Double = 116

    init(_ history: History, top: Double) {
      self.top = top
      operations = history.operations
      var laneOfThread: [String: Int] = [:]
      for operation in operations.sorted(by: { ($0.session, $0.thread) < ($1.session, $1.thread) }) {
        let name = Self.name(operation)
        if laneOfThread[name] == nil {
          laneOfThread[name] = names.count
          names.append(name)
        }
      }
      lanes = operations.map { laneOfThread[Self.name($0)] ?? 0 }
      placeColumns()
      for index in operations.indices {
        let (left, barRight, y) = bar(index)
        let width = SVGDrawing.width(of: Self.label(index, operations[index]), size: 13)
        taken.append(Box(left: left, right: left + width, top: y - 20, bottom: y))
        taken.append(Box(left: left, right: barRight, top: y, bottom: y + 20))
      }
    }

    /// Where a text of one line, with its middle as near as can be to a point, covers nothing.
    mutating func freePlace(for text: String, near point: SVGDrawing.Point) -> SVGDrawing.Point {
      let half = SVGDrawing.width(of: text, size: 12) / 2 + 4
      let x = max(left + half, min(point.x, max(width, 760) - half - 8))
      var place = SVGDrawing.Point(x, point.y + 4)
      for step in 0..<80 {
        place.y = point.y + 4 + Double((step + 1) / 2) * (step.isMultiple(of: 2) ? 4 : -4)
        let box = Box(left: x - half, right: x + half, top: place.y - 12, bottom: place.y + 4)
        if !taken.contains(where: box.meets), box.top > top, box.bottom < height - 34 {
          taken.append(box)
          break
        }
      }
      return place
    }

    var width: Double { right + 60 }
    var height: Double { top + Double(names.count) * Self.laneHeight + 44 }

    func y(_ lane: Int) -> Double { top + Double(lane) * Self.laneHeight + 20 }

    func x(_ time: UInt64) -> Double { columns[time] ?? right }

    func bar(_ index: Int) -> (left: Double, right: Double, y: Double) {
      let operation = operations[index]
      let left = x(operation.began)
      return (left, max(left + 6, x(operation.ended)), y(lanes[index]))
    }

    /// Names of times, as far apart as they can be read.
    var ticks: [(x: Double, name: String)] {
      let times = columns.keys.sorted()
      guard let first = times.first else { return [] }
      var ticks: [(x: Double, name: String)] = []
      for time in times where ticks.last.map({ x(time) - $0.x >= 80 }) ?? true {
        ticks.append((x(time), Self.duration(time - first)))
      }
      return ticks
    }

    /// Every time has a column; a bar begins where the label before it in its lane has ended.
    private mutating func placeColumns() {
      var times: Set<UInt64> = []
      var beginning: [UInt64: [Int]] = [:]
      for (index, operation) in operations.enumerated() {
        beginning[operation.began, default: []].append(index)
        times.formUnion([operation.began, operation.ended])
        for access in operation.accesses {
          guard let section = access.section else { continue }
          times.formUnion([section.entered, section.left ?? section.entered])
          times.insert(access.committed ?? section.entered)
        }
      }
      var free = [Double](repeating: 0, count: names.count)
      var x = left
      for time in times.subtracting([.max]).sorted() {
        for index in beginning[time, default: []] { x = max(x, free[lanes[index]]) }
        for index in beginning[time, default: []] {
          free[lanes[index]] = x + SVGDrawing.width(of: Self.label(index, operations[index]), size: 13) + 20
        }
        columns[time] = x
        x += 34
      }
      right = max(x + 20, free.max() ?? 0)
    }

    private static func name(_ operation: Operation) -> String {
      operation.thread == 0
        ? "session \(operation.session)" : "session \(operation.session).\(operation.thread)"
    }

    private static func duration(_ nanoseconds: UInt64) -> String {
      switch nanoseconds {
      case ..<10_000: "+\(nanoseconds) ns"
      case ..<10_000_000: "+\(nanoseconds / 1_000) µs"
      case ..<10_000_000_000: "+\(nanoseconds / 1_000_000) ms"
      default: "+\(nanoseconds / 1_000_000_000) s"
      }
    }
  }
}

// MARK: - What an operation is called

extension HistoryDrawing.Layout {
  /// What an operation did and what came of it, in a few words.
  static func label(_ index: Int, _ operation: Operation) -> String {
    "#\(index) \(operation.verb.rawValue) " + content(operation)
  }

  private static func content(_ operation: Operation) -> String {
    let objects = operation.accesses.map { "\(ObjectKind.name(of: $0.object))" }.joined(separator: " ")
    let writes = operation.accesses.map { access in
      "\(ObjectKind.name(of: access.object))" + (access.value.map { " := \($0)" } ?? "")
    }.joined(separator: ", ")
    switch operation.outcome {
    case .failed(let code), .refused(let code, _): return "\(objects): \(code)"
    case .changes(let seen):
      return "after \(seen.after): \(seen.changes.count) changes, to \(seen.position)"
    case .unknown: return "\(writes): no end"
    case .durabilityUnknown: return "\(writes): durability unknown"
    case .succeeded(let seen):
      var parts = seen.map { describe($0, isWrite: operation.verb.isWrite && operation.verb != .remove) }
      if operation.verb.isList {
        let absent = operation.accesses.filter { access in !seen.contains { $0.object == access.object } }
        parts += absent.map { "\(ObjectKind.name(of: $0.object)) absent" }
      }
      if parts.isEmpty { return writes }
      return parts.count > 4 ? parts[..<4].joined(separator: ", ") + " …" : parts.joined(separator: ", ")
    }
  }

  private static func describe(_ seen: Seen, isWrite: Bool) -> String {
    let sign = isWrite ? ":=" : "="
    switch seen.sight {
    case .version(let version):
      let place = "\(version.generation).\(version.revision)"
      return "\(ObjectKind.name(of: seen.object)) \(sign) \(version.value) (\(place))"
    case .value(let value): return "\(ObjectKind.name(of: seen.object)) \(sign) \(value)"
    case .present: return "\(ObjectKind.name(of: seen.object)) is there"
    case .absent: return "\(ObjectKind.name(of: seen.object)) absent"
    case .half: return "\(ObjectKind.name(of: seen.object)) half"
    }
  }
}
