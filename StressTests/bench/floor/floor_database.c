#define _GNU_SOURCE
#include "floor_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static const char *const texts[STATEMENT_COUNT] = {
  [SELECT_CONTAINER] = WHOLE_CONTAINER "r.id = ?1",
  [SELECT_STATE] = "SELECT " STATE_COLUMNS " FROM record r "
    "LEFT JOIN container_state s ON s.generation = r.generation WHERE r.id = ?1 AND r.kind = 1",
  [SELECT_HAS] = "SELECT 1 FROM record WHERE id = ?1 AND kind = 1",
  [SELECT_BY_NAME] = WHOLE_CONTAINER "r.kind = 1 AND r.name = ?1",
  [SELECT_BY_PREFIX] = WHOLE_CONTAINER "r.id >= ?1 AND r.id < ?2 AND +r.kind = 1 ORDER BY r.id LIMIT 2",
  [SELECT_SPECIFICATION] = "SELECT json FROM specification WHERE generation = ?1",
  [SELECT_ALL] = "SELECT r.id, r.name, s.status, r.image_name, r.created_at_ns, s.started_at_ns, "
    "s.finished_at_ns, s.exit_code, s.pid, s.pid_start_time FROM record r "
    "LEFT JOIN container_state s ON s.generation = r.generation "
    "WHERE r.kind = 1 ORDER BY r.created_at_ns DESC, r.generation DESC",
  [UPDATE_STATE] = "UPDATE container_state SET revision = revision + 1, status = ?1, pid = ?2, "
    "pid_start_time = ?3, monitor_pid = ?4, monitor_start_time = ?5, started_at_ns = ?6, "
    "finished_at_ns = ?7, exit_code = ?8, killed_for_memory = ?9, stopped_by_user = ?10, "
    "restart_count = (restart_count + 1) & 1048575, configuration_path = ?11, run_directory = ?12, "
    "mountpoint = ?13, network_namespace_path = ?14, health = ?15, error_text = ?16 WHERE generation = ?17",
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
  [INSERT_LABELS] = "INSERT INTO label SELECT ?1, key, value FROM label WHERE generation = 1",
  [DELETE_RECORD] = "DELETE FROM record WHERE id = ?1",
  [BEGIN_READ] = "BEGIN",
  [BEGIN_WRITE] = "BEGIN IMMEDIATE",
  [COMMIT] = "COMMIT",
};

/// What a running container's state says in its texts.
static const char *const state_texts[6] = {
  "/var/lib/containers/storage/overlay-containers/4a1f/userdata/config.json",
  "/run/containers/storage/overlay-containers/4a1f/userdata",
  "/var/lib/containers/storage/overlay/8c21/merged", "/run/netns/netns-0a1b2c3d", "healthy", "",
};

void floor_must(int is_true, const char *what, sqlite3 *handle) {
  if (is_true) return;
  const char *why = handle ? sqlite3_errmsg(handle) : strerror(errno);
  fprintf(stderr, "cstate-bench: floor: %s: %s\n", what, why);
  _exit(70);
}

void floor_run_sql(sqlite3 *handle, const char *sql) {
  floor_must(sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK, sql, handle);
}

// MARK: Open and close

floor_database *floor_open(const char *path, int journal) {
  floor_database *database = calloc(1, sizeof *database);
  floor_must(database != NULL, "calloc", NULL);
  database->journal = journal;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  floor_must(sqlite3_open_v2(path, &database->handle, flags, NULL) == SQLITE_OK, path, database->handle);
  sqlite3_busy_timeout(database->handle, 100000);
  sqlite3_db_config(database->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
  if (journal == FLOOR_WAL) {
    int persists = 1;
    sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists);
  }
  return database;
}

void floor_close(floor_database *database, int copies_back) {
  for (int i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize(database->statements[i]);
  if (copies_back) {
    int persists = 0;
    sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists);
  }
  floor_must(sqlite3_close(database->handle) == SQLITE_OK, "close", database->handle);
  free(database);
}

static sqlite3_stmt *statement(floor_database *database, enum floor_statement which) {
  sqlite3_stmt **place = &database->statements[which];
  if (*place) return *place;
  // Only a connection that writes comes here for it, and before its first transaction.
  if (which == BEGIN_WRITE) {
    floor_run_sql(database->handle, "PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST");
  }
  const char *text = texts[which];
  if (which == BEGIN_WRITE && database->journal == FLOOR_ROLLBACK) text = "BEGIN EXCLUSIVE";
  int code = sqlite3_prepare_v3(database->handle, text, -1, SQLITE_PREPARE_PERSISTENT, place, NULL);
  floor_must(code == SQLITE_OK, text, database->handle);
  return *place;
}

static void run(floor_database *database, sqlite3_stmt *row) {
  floor_must(sqlite3_step(row) == SQLITE_DONE, sqlite3_sql(row), database->handle);
  sqlite3_reset(row);
}

// MARK: Reads

/// Copies all columns of the row a statement is at into one allocation.
static floor_row *copied_row(sqlite3_stmt *row) {
  int count = sqlite3_column_count(row), number = 0, text = 0;
  size_t size = sizeof(floor_row);
  for (int i = 0; i < count; i++) {
    if (sqlite3_column_type(row, i) >= SQLITE_TEXT) size += (size_t)sqlite3_column_bytes(row, i) + 1;
  }
  floor_row *copy = malloc(size);
  floor_must(copy != NULL, "malloc", NULL);
  char *next = (char *)(copy + 1);
  for (int i = 0; i < count; i++) {
    int type = sqlite3_column_type(row, i);
    if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
      uint32_t length = (uint32_t)sqlite3_column_bytes(row, i);
      memcpy(next, sqlite3_column_blob(row, i), length);
      next[length] = 0;
      copy->texts[text] = next;
      copy->lengths[text++] = length;
      next += length + 1;
    } else {
      copy->numbers[number++] = sqlite3_column_int64(row, i);
    }
  }
  return copy;
}

static floor_row *one_row(floor_database *database, enum floor_statement which, const char *text) {
  sqlite3_stmt *row = statement(database, which);
  sqlite3_bind_text(row, 1, text, -1, SQLITE_STATIC);
  int code = sqlite3_step(row);
  floor_must(code == SQLITE_ROW || code == SQLITE_DONE, texts[which], database->handle);
  floor_row *copy = code == SQLITE_ROW ? copied_row(row) : NULL;
  sqlite3_reset(row);
  return copy;
}

floor_row *floor_container(floor_database *database, const char *id) {
  return one_row(database, SELECT_CONTAINER, id);
}

floor_row *floor_state(floor_database *database, const char *id) {
  return one_row(database, SELECT_STATE, id);
}

int floor_has(floor_database *database, const char *id) {
  sqlite3_stmt *row = statement(database, SELECT_HAS);
  sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
  int code = sqlite3_step(row);
  floor_must(code == SQLITE_ROW || code == SQLITE_DONE, "has", database->handle);
  sqlite3_reset(row);
  return code == SQLITE_ROW;
}

floor_row *floor_look_up(floor_database *database, const char *text) {
  run(database, statement(database, BEGIN_READ));
  floor_row *found = one_row(database, SELECT_BY_NAME, text);
  if (!found) {
    char end[256];
    size_t length = strlen(text);
    memcpy(end, text, length);
    end[length] = 0x7f;
    sqlite3_stmt *row = statement(database, SELECT_BY_PREFIX);
    sqlite3_bind_text(row, 1, text, (int)length, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, end, (int)length + 1, SQLITE_STATIC);
    floor_must(sqlite3_step(row) == SQLITE_ROW, "look up", database->handle);
    found = copied_row(row);
    floor_must(sqlite3_step(row) == SQLITE_DONE, "the prefix is not unique", database->handle);
    sqlite3_reset(row);
  }
  run(database, statement(database, COMMIT));
  return found;
}

floor_row *floor_specification(floor_database *database, int64_t generation) {
  sqlite3_stmt *row = statement(database, SELECT_SPECIFICATION);
  sqlite3_bind_int64(row, 1, generation);
  floor_must(sqlite3_step(row) == SQLITE_ROW, "specification", database->handle);
  floor_row *copy = copied_row(row);
  sqlite3_reset(row);
  return copy;
}

floor_list floor_all(floor_database *database) {
  sqlite3_stmt *row = statement(database, SELECT_ALL);
  floor_list list = {0};
  size_t capacity = 0, size = 0, used = 0;
  while (sqlite3_step(row) == SQLITE_ROW) {
    if (list.count == capacity) {
      capacity = capacity ? capacity * 2 : 256;
      list.rows = realloc(list.rows, capacity * sizeof *list.rows);
    }
    floor_row *line = &list.rows[list.count++];
    size_t needed = 3;
    int number = 0, text = 0;
    for (int i = 0; i < 4; i++) needed += i == 2 ? 0 : (size_t)sqlite3_column_bytes(row, i);
    while (used + needed > size) list.texts = realloc(list.texts, size = size ? size * 2 : 65536);
    for (int i = 0; i < 10; i++) {
      if (i == 0 || i == 1 || i == 3) {
        uint32_t length = (uint32_t)sqlite3_column_bytes(row, i);
        memcpy(list.texts + used, sqlite3_column_text(row, i), length + 1);
        line->lengths[text++] = length;
        used += length + 1;
      } else {
        line->numbers[number++] = sqlite3_column_int64(row, i);
      }
    }
  }
  sqlite3_reset(row);
  // The texts have their place only now.
  const char *next = list.texts;
  for (uint64_t i = 0; i < list.count; i++) {
    for (int text = 0; text < 3; text++) {
      list.rows[i].texts[text] = next;
      next += list.rows[i].lengths[text] + 1;
    }
  }
  return list;
}

void floor_free_list(floor_list list) {
  free(list.rows);
  free(list.texts);
}

// MARK: Writes

void floor_update(floor_database *database, int64_t generation) {
  static const int64_t numbers[10] = {3, 4242, 123456, 4241, 123450, 1700000000000000000, 0, 0, 0, 0};
  run(database, statement(database, BEGIN_WRITE));
  sqlite3_stmt *row = statement(database, UPDATE_STATE);
  for (int i = 0; i < 10; i++) {
    if (i == 6 || i == 7) {
      sqlite3_bind_null(row, i + 1);
    } else {
      sqlite3_bind_int64(row, i + 1, numbers[i]);
    }
  }
  for (int i = 11; i <= 16; i++) sqlite3_bind_text(row, i, state_texts[i - 11], -1, SQLITE_STATIC);
  sqlite3_bind_int64(row, 17, generation);
  run(database, row);
  run(database, statement(database, COMMIT));
}

void floor_insert_rows(floor_database *database, const char *id, const char *name) {
  sqlite3_stmt *row = statement(database, INSERT_RECORD);
  sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);
  run(database, row);
  sqlite3_int64 generation = sqlite3_last_insert_rowid(database->handle);
  for (int which = INSERT_CONTAINER; which <= INSERT_LABELS; which++) {
    row = statement(database, which);
    sqlite3_bind_int64(row, 1, generation);
    run(database, row);
  }
}

void floor_add(floor_database *database, const char *id, const char *name) {
  run(database, statement(database, BEGIN_WRITE));
  floor_insert_rows(database, id, name);
  run(database, statement(database, COMMIT));
}

void floor_remove(floor_database *database, const char *id) {
  run(database, statement(database, BEGIN_WRITE));
  sqlite3_stmt *row = statement(database, DELETE_RECORD);
  sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
  run(database, row);
  run(database, statement(database, COMMIT));
}
