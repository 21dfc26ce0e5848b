internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// The checks of pods and of what belongs to containers.
extension Verification {
  /// The generations of the containers that are there.
  private static let containers = "SELECT c.generation FROM container c JOIN record USING (generation)"

  static let rulesOfParts: [(number: String, message: String, sql: String)] = [
    (
      "I-5", "a container that it depends on is gone",
      """
      SELECT DISTINCT r.id FROM dependency d JOIN record r ON r.generation = d.dependant
      WHERE d.dependency NOT IN (\(containers))
      """
    ),
    (
      "I-6", "it depends on a container that is not in the same pod",
      """
      SELECT r.id FROM dependency d JOIN record r ON r.generation = d.dependant
        LEFT JOIN pod_member a ON a.container = d.dependant
        LEFT JOIN pod_member b ON b.container = d.dependency
      WHERE a.pod IS NOT b.pod AND d.dependency IN (\(containers))
      """
    ),
    (
      "I-7", "its pod is gone",
      """
      SELECT r.id FROM pod_member m JOIN record r ON r.generation = m.container
      WHERE m.pod NOT IN (SELECT generation FROM pod)
      """
    ),
    (
      "I-8", "its container is gone",
      "SELECT id FROM exec_session WHERE container NOT IN (\(containers))"
    ),
    (
      "I-8", "it has ended or never run, and names a process",
      "SELECT id FROM exec_session WHERE pid <> 0 AND status <> 2"
    ),
    (
      "I-9", "this is no exit code, or of no id",
      "SELECT container_id FROM exit_code WHERE code NOT BETWEEN -1 AND 255 OR length(container_id) > 128"
    ),
    (
      "I-10", "the pod has no configuration or no state",
      """
      SELECT r.id FROM record r WHERE r.kind = 2 AND (
        r.generation NOT IN (SELECT generation FROM pod)
        OR r.generation NOT IN (SELECT generation FROM pod_state))
      """
    ),
    (
      "I-12", "a revision is counted from 1",
      """
      SELECT r.id FROM record r JOIN pod p USING (generation) JOIN pod_state s USING (generation)
      WHERE p.revision < 1 OR s.revision < 1
      UNION ALL SELECT id FROM exec_session WHERE revision < 1
      """
    ),
  ]

  /// Each pod alone: that it can be read (I-16), and its labels against its configuration (I-3); then exec
  /// sessions, and connections to networks.
  mutating func checkPods() throws {
    let rows = try connection.statement(
      dynamic: """
        SELECT id FROM record WHERE kind = 2 AND generation IN (SELECT generation FROM pod)
          AND generation IN (SELECT generation FROM pod_state)
        """)
    while try rows.step() {
      let text = subject(rows)
      do {
        guard let pod = try PodRows.pod(ContainerRows.id(rows, 0), in: connection) else { continue }
        let labels = try pod.configuration.details().labels
        if try LabelTable.pod.labels(of: pod.generation, in: connection) != labels {
          report("I-3", text, "the label index of the pod differs from its configuration")
        }
      } catch { try report("I-16", text, damage: error) }
    }
    let sessions = try connection.statement(dynamic: "SELECT id FROM exec_session")
    while try sessions.step() {
      do { _ = try ExecSessionRows.session(ContainerRows.id(sessions, 0), in: connection) } catch {
        try report("I-16", subject(sessions), damage: error)
      }
    }
    let connections = try connection.statement(
      dynamic: """
        SELECT DISTINCT r.id, n.container
        FROM network_connection n JOIN record r ON r.generation = n.container
        """)
    while try connections.step() {
      do {
        _ = try NetworkRows.connections(ofGeneration: connections.int64(1), in: connection)
      } catch { try report("I-16", subject(connections), damage: error) }
    }
  }

  /// INVARIANT I-7.
  mutating func checkMembership(_ container: Container, _ details: ContainerDetails) throws {
    let member = try PodRows.membership(ofContainer: container.generation, in: connection)
    if member?.pod != details.pod {
      report("I-7", container.id.rawValue, "its pod differs from the configuration")
    } else if let member, member.isInfrastructure != details.isInfrastructure {
      report(
        "I-7", container.id.rawValue, "whether it holds its pod's namespaces differs from the configuration")
    }
  }
}
