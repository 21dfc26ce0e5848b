internal import SQLiteStorage
internal import StateModel

/// The checks of volumes.
extension Verification {
  static let rulesOfVolumes: [(number: String, message: String, sql: String)] = [
    (
      "I-2", "more than one volume has this name; remove all but one",
      "SELECT name FROM volume NOT INDEXED GROUP BY name HAVING count(*) > 1"
    ),
    (
      "I-5", "a volume that it uses is gone",
      """
      SELECT DISTINCT r.id FROM volume_use u JOIN record r ON r.generation = u.container
      WHERE u.volume NOT IN (SELECT generation FROM volume)
      """
    ),
    (
      "I-5", "a volume that it has mounted is gone",
      """
      SELECT DISTINCT r.id FROM volume_mount m JOIN record r ON r.generation = m.container
      WHERE m.volume NOT IN (SELECT generation FROM volume)
      """
    ),
    (
      "I-12", "a revision is counted from 1",
      "SELECT name FROM volume WHERE revision < 1 OR state_revision < 1"
    ),
    (
      "I-15", "its generation is one that has not been given out",
      """
      SELECT name FROM volume
      WHERE generation > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'volume')
      """
    ),
    (
      "I-18", "it counts a mount of a container that is gone",
      """
      SELECT v.name FROM volume_mount m JOIN volume v ON v.generation = m.volume
      WHERE m.container NOT IN (SELECT generation FROM record WHERE kind = 1)
      """
    ),
    (
      "I-18", "it counts a container's mount more than once",
      """
      SELECT v.name FROM volume_mount m NOT INDEXED JOIN volume v ON v.generation = m.volume
      GROUP BY m.container, m.volume HAVING count(*) > 1
      """
    ),
  ]

  /// Each volume alone: that it can be read (I-16), and its labels against its configuration (I-3).
  mutating func checkVolumes() throws {
    let rows = try connection.statement(dynamic: "SELECT name FROM volume")
    while try rows.step() {
      do {
        guard let volume = try VolumeRows.volume(VolumeRows.name(rows, 0), in: connection) else { continue }
        if try LabelTable.volume.labels(of: volume.generation, in: connection)
          != volume.configuration.details.labels
        {
          report("I-3", volume.name.rawValue, "the label index of the volume differs from its configuration")
        }
      } catch { try report("I-16", subject(rows), damage: error) }
    }
  }
}
