extension Schema {
  /// The fourth version: what listings show of a configuration without reading it, and ids in the index that
  /// listings go by.
  func withListing() -> Schema {
    migrated(
      by: Self.listing, dropping: ["record_by_creation"], filling: [Self.listingOfDetails])
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

  /// Damaged configurations are passed over: `verify` names them, and a repair writes what can be read.
  private static let listingOfDetails = """
    INSERT INTO container_listing (generation, labels, ports)
    SELECT generation, CAST(labels AS BLOB), CAST(ports AS BLOB) FROM (
      SELECT generation, nullif(json_extract(json, '$.labels'), '{}') AS labels,
        json_extract(json, '$.ports') AS ports
      FROM (SELECT generation, CAST(details AS TEXT) AS json FROM container) WHERE json_valid(json))
    WHERE labels IS NOT NULL OR ports IS NOT NULL
    """
}
