/// Which version of an object: row and revision.
struct Place: Hashable, Comparable {
  var generation: Int64
  var revision: Int64

  init(generation: Int64, revision: Int64) {
    self.generation = generation
    self.revision = revision
  }

  init(_ version: Version) {
    self.init(generation: version.generation, revision: version.revision)
  }

  /// What a write over this version writes; a removal takes it away.
  func next(_ kind: Steps.Write.Kind) -> Place {
    kind == .update ? Place(generation: generation, revision: revision + 1) : self
  }

  static func < (one: Place, other: Place) -> Bool {
    one.generation != other.generation
      ? one.generation < other.generation : one.revision < other.revision
  }
}
