/// Whether every session that asked the store all the time got answers.
struct ProgressCheck {
  private(set) var anomalies: [Anomaly] = []

  /// `limitNanoseconds` is how long a session may be awake and get no answer.
  init(_ history: History, limitNanoseconds: UInt64) {
    var answers: [Int32: [UInt64]] = [:]
    var last: [Int32: Int] = [:]
    var end: UInt64 = 0
    for (index, operation) in history.operations.enumerated() {
      last[operation.session] = index
      end = max(end, operation.began)
      guard operation.ended != .max else { continue }
      end = max(end, operation.ended)
      if history.lives[operation.session]?.isBusy == true {
        answers[operation.session, default: []].append(operation.ended)
      }
    }
    for (session, life) in history.lives.sorted(by: { $0.key < $1.key }) where life.isBusy {
      var since = life.born
      for answer in answers[session, default: []].sorted() + [life.died ?? end] where answer > since {
        if life.awake(from: since, to: answer) >= limitNanoseconds {
          let seconds = life.awake(from: since, to: answer) / 1_000_000_000
          anomalies.append(
            Anomaly(
              .noProgress, objects: [], operations: last[session].map { [$0] } ?? [],
              "Session \(session) was awake for \(seconds) s without an answer."))
          break
        }
        since = answer
      }
    }
  }
}

extension Life {
  /// How long the session was not stopped between two times.
  fileprivate func awake(from: UInt64, to: UInt64) -> UInt64 {
    stops.reduce(to - from) { rest, stop in
      let begin = max(from, stop.from)
      let end = min(to, stop.to ?? .max)
      return end > begin ? rest - min(rest, end - begin) : rest
    }
  }
}
