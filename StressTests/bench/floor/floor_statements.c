#include "floor_internal.h"

#include <stddef.h>

#define STATE_COLUMNS                                                                                       \
  "s.status, s.pid, s.pid_start_time, s.monitor_pid, s.monitor_start_time, s.started_at_ns, "               \
  "s.finished_at_ns, s.exit_code, s.killed_for_memory, s.stopped_by_user, s.restart_count, "                \
  "s.configuration_path, s.run_directory, s.mountpoint, s.network_namespace_path, s.health, s.error_text"

#define WHOLE_CONTAINER                                                                                     \
  "SELECT r.generation, r.name, r.created_at_ns, r.created_zone_offset_s, r.image_id, r.image_name, "       \
  "c.revision, c.details, c.extra, x.json, r.kind, s.revision, " STATE_COLUMNS                              \
  " FROM record r LEFT JOIN container c ON c.generation = r.generation "                                    \
  "LEFT JOIN container_state s ON s.generation = r.generation "                                             \
  "LEFT JOIN container_state_extra x ON x.generation = r.generation WHERE "

#define SUMMARY                                                                                             \
  "SELECT r.id, r.name, s.status, r.image_name, r.created_at_ns, s.started_at_ns, s.finished_at_ns, "       \
  "s.exit_code, s.pid, s.pid_start_time"

#define OF_CONTAINERS " FROM record r LEFT JOIN container_state s ON s.generation = r.generation "

#define NEWEST_FIRST " ORDER BY r.created_at_ns DESC, r.generation DESC"

static const char *const texts[STATEMENT_COUNT] = {
  [SELECT_CONTAINER] = WHOLE_CONTAINER "r.id = ?1",
  [SELECT_STATE] = "SELECT " STATE_COLUMNS " FROM record r "
    "LEFT JOIN container_state s ON s.generation = r.generation WHERE r.id = ?1 AND r.kind = 1",
  [SELECT_HAS] = "SELECT 1 FROM record WHERE id = ?1 AND kind = 1",
  [SELECT_BY_NAME] = WHOLE_CONTAINER "r.kind = 1 AND r.name = ?1",
  [SELECT_BY_PREFIX] = WHOLE_CONTAINER "r.id >= ?1 AND r.id < ?2 AND +r.kind = 1 ORDER BY r.id LIMIT 2",
  [SELECT_SPECIFICATION] = "SELECT json FROM specification WHERE generation = ?1",
  [SELECT_ALL] = SUMMARY ", l.labels, l.ports" OF_CONTAINERS
    "LEFT JOIN container_listing l ON l.generation = r.generation WHERE r.kind = 1" NEWEST_FIRST,
  [SELECT_ALL_IDS] = "SELECT r.id FROM record r WHERE r.kind = 1" NEWEST_FIRST,
  [SELECT_BY_LABEL] = SUMMARY OF_CONTAINERS
    "WHERE +r.kind = 1 AND r.generation IN (SELECT l.generation FROM label l WHERE l.key = ?1 AND "
    "l.value = ?2)" NEWEST_FIRST,
  // A running container is updated without the columns that have an index, as the store does it.
  [UPDATE_STATE] = "UPDATE container_state SET revision = revision + 1, pid = ?1, pid_start_time = ?2, "
    "monitor_pid = ?3, monitor_start_time = ?4, started_at_ns = ?5, killed_for_memory = ?6, "
    "stopped_by_user = ?7, restart_count = (restart_count + 1) & 1048575, configuration_path = ?8, "
    "run_directory = ?9, mountpoint = ?10, network_namespace_path = ?11, health = ?12, error_text = ?13 "
    "WHERE generation = ?14",
  [INSERT_RECORD] = "INSERT INTO record (kind, id, name, created_at_ns, created_zone_offset_s, image_id, "
    "image_name) SELECT 1, ?1, ?2, created_at_ns, created_zone_offset_s, image_id, image_name "
    "FROM record WHERE generation = 1",
  [INSERT_CONTAINER] = "INSERT INTO container SELECT ?1, 1, details, extra FROM container "
    "WHERE generation = 1",
  [INSERT_STATE] = "INSERT INTO container_state SELECT ?1, 1, status, pid, pid_start_time, monitor_pid, "
    "monitor_start_time, started_at_ns, finished_at_ns, exit_code, killed_for_memory, stopped_by_user, "
    "restart_count, configuration_path, run_directory, mountpoint, network_namespace_path, health, "
    "error_text FROM container_state WHERE generation = 1",
  [INSERT_EXTRA] = "INSERT INTO container_state_extra SELECT ?1, json FROM container_state_extra "
    "WHERE generation = 1",
  [INSERT_SPECIFICATION] = "INSERT INTO specification SELECT ?1, digest, json FROM specification "
    "WHERE generation = 1",
  [INSERT_LISTING] = "INSERT INTO container_listing SELECT ?1, labels, ports FROM container_listing "
    "WHERE generation = 1",
  [INSERT_LABELS] = "INSERT INTO label SELECT ?1, key, value FROM label WHERE generation = 1",
  [DELETE_RECORD] = "DELETE FROM record WHERE id = ?1",
  [INSERT_CHANGE] = "INSERT INTO change (sequence, kind, id, what, from_status, to_status, revision, "
    "writer_pid, at_ns) VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
  [TRIM_CHANGES] = "DELETE FROM change WHERE sequence < coalesce((SELECT min(sequence) FROM (SELECT "
    "sequence, at_ns FROM change ORDER BY sequence LIMIT 256) WHERE sequence >= ?1 OR (sequence > ?2 AND "
    "at_ns >= ?3)), (SELECT max(sequence) FROM (SELECT sequence FROM change ORDER BY sequence LIMIT 256)))",
  [SELECT_CHANGES] = "SELECT sequence, kind, id, what, from_status, to_status, revision, writer_pid, at_ns "
    "FROM change WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
  [SELECT_NEWEST_CHANGE] = "SELECT coalesce(max(sequence), 0) FROM change",
  [INSERT_POD_RECORD] = "INSERT INTO record (kind, id, name, created_at_ns, created_zone_offset_s, image_id, "
    "image_name) VALUES (2, ?1, ?2, 1600000000000000000, 0, '', '')",
  [INSERT_POD] = "INSERT INTO pod SELECT ?1, 1, details, extra FROM pod WHERE generation = ?2",
  [INSERT_POD_STATE] = "INSERT INTO pod_state SELECT ?1, 1, control_group_path, extra FROM pod_state "
    "WHERE generation = ?2",
  [INSERT_POD_LABELS] = "INSERT INTO pod_label SELECT ?1, key, value FROM pod_label WHERE generation = ?2",
  [INSERT_MEMBER] = "INSERT INTO pod_member (container, pod, is_infrastructure) VALUES (?1, ?2, 0)",
  [SELECT_POD_ID] = "SELECT id FROM record WHERE kind = 2 AND name = ?1",
  [SELECT_POD] = "SELECT r.generation, r.kind, r.name, r.created_at_ns, r.created_zone_offset_s, p.revision, "
    "p.details, p.extra, s.revision, s.control_group_path, s.extra, i.id FROM record r "
    "LEFT JOIN pod p ON p.generation = r.generation LEFT JOIN pod_state s ON s.generation = r.generation "
    "LEFT JOIN pod_member m ON m.pod = r.generation AND m.is_infrastructure = 1 "
    "LEFT JOIN record i ON i.generation = m.container WHERE r.id = ?1",
  [SELECT_MEMBERS] = "SELECT r.id, r.generation, s.status, s.revision FROM pod_member m "
    "JOIN record r ON r.generation = m.container JOIN container_state s ON s.generation = m.container "
    "WHERE m.pod = ?1",
  [DELETE_GENERATIONS] = "DELETE FROM record WHERE generation IN (SELECT value FROM json_each(?1))",
  [DELETE_GENERATION] = "DELETE FROM record WHERE generation = ?1",
  [INSERT_CONNECTION] = "INSERT INTO network_connection (container, network, options, status) "
    "VALUES (?1, ?2, ?3, NULL)",
  [DELETE_CONNECTION] = "DELETE FROM network_connection WHERE container = ?1 AND network = ?2",
  [INSERT_SESSION] = "INSERT INTO exec_session (id, container, revision, created_at_ns, status, pid, "
    "pid_start_time, exit_code, command, extra) VALUES (?1, ?2, 1, ?3, 1, 0, 0, NULL, ?4, NULL)",
  [DELETE_SESSION] = "DELETE FROM exec_session WHERE id = ?1",
  [INSERT_EXIT_CODE] = "INSERT OR REPLACE INTO exit_code (container_id, code, recorded_at_ns) "
    "VALUES (?1, ?2, ?3)",
  [SELECT_EXIT_CODE] = "SELECT container_id, code, recorded_at_ns FROM exit_code WHERE container_id = ?1",
  [BEGIN_READ] = "BEGIN",
  [BEGIN_WRITE] = "BEGIN IMMEDIATE",
  [COMMIT] = "COMMIT",
};

sqlite3_stmt *floor_statement_of(floor_database *database, enum floor_statement which) {
  sqlite3_stmt **place = &database->statements[which];
  if (*place) return *place;
  // Only a connection that writes comes here for it, and before its first transaction.
  if (which == BEGIN_WRITE) {
    floor_run_sql(database->handle, "PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY");
    floor_run_sql(database->handle,
        database->is_committed_only ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
  }
  const char *text = texts[which];
  int code = sqlite3_prepare_v3(database->handle, text, -1, SQLITE_PREPARE_PERSISTENT, place, NULL);
  floor_must(code == SQLITE_OK, text, database->handle);
  return *place;
}

void floor_run(floor_database *database, sqlite3_stmt *row) {
  floor_must(sqlite3_step(row) == SQLITE_DONE, sqlite3_sql(row), database->handle);
  sqlite3_reset(row);
}
