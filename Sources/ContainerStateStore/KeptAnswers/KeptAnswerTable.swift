/// Answers by their questions: open addressing, at most half full.
///
/// What cannot be placed near where it belongs takes the place of another, so that questions chosen to
/// collide cost no more than others. Nothing is taken out but all of it: who is over his limit begins anew.
///
/// The places own their answers by hand: an answer that is looked at is then not counted up and down, which
/// takes a fifth of the time of giving it.
struct KeptAnswerTable: ~Copyable {
  /// What all answers together take.
  private(set) var bytes = 0
  private var count = 0
  private var places: [Place] = []
  /// Whose turn it is where all places near are taken.
  private var turn = 0

  private struct Place {
    var hash: UInt64 = 0
    var answer: Unmanaged<KeptAnswer>?
  }

  /// In how many places after the first an answer may be.
  private static let reach = 8

  deinit {
    for place in places { place.answer?.release() }
  }

  /// Lent until the table is changed.
  @inline(__always)
  borrowing func answer(to question: Question, hash: UInt64) -> Unmanaged<KeptAnswer>? {
    guard !places.isEmpty else { return nil }
    for step in 0...Self.reach {
      let place = places[slot(hash, step)]
      guard let answer = place.answer else { return nil }
      if place.hash == hash, answer._withUnsafeGuaranteedRef({ $0.question == question }) { return answer }
    }
    return nil
  }

  /// Takes the place of an earlier answer to the same question.
  mutating func insert(_ answer: KeptAnswer) {
    if count * 2 >= places.count { grow() }
    place(Unmanaged.passRetained(answer), hash: answer.question.hash)
  }

  private mutating func place(_ answer: Unmanaged<KeptAnswer>, hash: UInt64) {
    let kept = answer._withUnsafeGuaranteedRef { $0 }
    let fit = (0...Self.reach).first { step in
      let place = places[slot(hash, step)]
      guard let earlier = place.answer else { return true }
      return place.hash == hash && earlier._withUnsafeGuaranteedRef { $0.question == kept.question }
    }
    if fit == nil { turn = (turn + 1) % (Self.reach + 1) }
    let chosen = slot(hash, fit ?? turn)
    if let earlier = places[chosen].answer {
      bytes -= earlier._withUnsafeGuaranteedRef { $0.bytes }
      earlier.release()
    } else {
      count += 1
    }
    bytes += kept.bytes
    places[chosen] = Place(hash: hash, answer: answer)
  }

  private borrowing func slot(_ hash: UInt64, _ step: Int) -> Int {
    (Int(truncatingIfNeeded: hash) &+ step) & (places.count - 1)
  }

  private mutating func grow() {
    let earlier = places
    places = Array(repeating: Place(), count: max(16, earlier.count * 2))
    (count, bytes) = (0, 0)
    for place in earlier {
      if let answer = place.answer { self.place(answer, hash: place.hash) }
    }
  }
}
