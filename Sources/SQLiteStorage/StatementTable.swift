/// The prepared statements of a connection, by the addresses of their texts.
///
/// A dictionary takes some 150 instructions more for each look-up: it hashes so that nobody can choose keys
/// that collide, and nobody chooses these. None is ever taken out.
struct StatementTable {
  private struct Slot {
    let key: UInt
    let statement: CachedStatement
  }

  /// A power of two of places, at most half of them in use.
  private var slots = [Slot?](repeating: nil, count: 64)
  private var count = 0

  /// The statement of the text at this address; nil where it was not inserted.
  func statement(at key: UInt) -> CachedStatement? {
    var place = firstPlace(of: key)
    while let slot = slots[place] {
      if slot.key == key { return slot.statement }
      place = nextPlace(after: place)
    }
    return nil
  }

  /// Adds a statement whose text's address is not in the table yet.
  mutating func insert(_ statement: CachedStatement, at key: UInt) {
    if count * 2 == slots.count {
      let full = slots
      slots = [Slot?](repeating: nil, count: full.count * 2)
      for slot in full.compactMap({ $0 }) { put(slot) }
    }
    put(Slot(key: key, statement: statement))
    count += 1
  }

  /// All statements, in no order.
  var statements: [CachedStatement] { slots.compactMap { $0?.statement } }

  private mutating func put(_ slot: Slot) {
    var place = firstPlace(of: slot.key)
    while slots[place] != nil { place = nextPlace(after: place) }
    slots[place] = slot
  }

  /// Texts lie one behind the other: the upper bits of the product spread them over the places.
  private func firstPlace(of key: UInt) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 40) & (slots.count - 1)
  }

  private func nextPlace(after place: Int) -> Int { (place + 1) & (slots.count - 1) }
}
