/// Answers by their questions: open addressing, at most half full.
///
/// Nothing is taken out but all of it: who is over his limit begins anew.
struct KeptAnswerTable {
  /// What all answers together take.
  private(set) var bytes = 0
  private var count = 0
  private var places: [KeptAnswer?] = []

  func answer(to question: Question) -> KeptAnswer? {
    places.isEmpty ? nil : places[place(of: question, hash: question.hash)]
  }

  /// Takes the place of an earlier answer to the same question.
  mutating func insert(_ answer: KeptAnswer) {
    if count * 2 >= places.count { grow() }
    let place = place(of: answer.question, hash: answer.hash)
    if let earlier = places[place] { bytes -= earlier.bytes } else { count += 1 }
    bytes += answer.bytes
    places[place] = answer
  }

  /// Where the answer is, or would be.
  private func place(of question: Question, hash: UInt64) -> Int {
    var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
    while let found = places[place], found.hash != hash || found.question != question {
      place = (place + 1) & (places.count - 1)
    }
    return place
  }

  private mutating func grow() {
    let earlier = places
    places = Array(repeating: nil, count: max(16, earlier.count * 2))
    for case let answer? in earlier { places[place(of: answer.question, hash: answer.hash)] = answer }
  }
}
