extension Schema {
  /// The fourth version: what listings show of a configuration without reading it, and ids in the index that
  /// listings go by.
  func withListing() -> Schema {
    migrated(
      by: Self.listing, dropping: ["record_by_creation"], fill: ListingRows.fill)
  }

  /// A row only where there is something to show.
  ///
  /// Beside `record`, not in it: labels may be long, and lookups and listings without them read none.
  private static let listing = [
    """
    CREATE TABLE container_listing (
      generation INTEGER PRIMARY KEY REFERENCES container ON DELETE CASCADE,
      labels BLOB,
      ports BLOB,
      CHECK (labels IS NOT NULL OR ports IS NOT NULL)
    ) STRICT
    """,
    "CREATE INDEX record_by_creation_with_id ON record (kind, created_at_ns, generation, id)",
  ]
}
