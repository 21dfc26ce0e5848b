#define _GNU_SOURCE
#include "floor_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

floor_database *floor_open(const char *path) {
  floor_database *database = calloc(1, sizeof *database);
  floor_must(database != NULL, "calloc", NULL);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  floor_must(sqlite3_open_v2(path, &database->handle, flags, NULL) == SQLITE_OK, path, database->handle);
  sqlite3_busy_timeout(database->handle, 100000);
  sqlite3_db_config(database->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
  int persists = 1;
  sqlite3_db_config(database->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists);
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

// MARK: Reads

/// Copies all columns of the row a statement is at into one allocation.
floor_row *floor_copied_row(sqlite3_stmt *row) {
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

floor_row *floor_one_row(floor_database *database, enum floor_statement which, const char *text) {
  sqlite3_stmt *row = floor_statement_of(database, which);
  sqlite3_bind_text(row, 1, text, -1, SQLITE_STATIC);
  int code = sqlite3_step(row);
  floor_must(code == SQLITE_ROW || code == SQLITE_DONE, sqlite3_sql(row), database->handle);
  floor_row *copy = code == SQLITE_ROW ? floor_copied_row(row) : NULL;
  sqlite3_reset(row);
  return copy;
}

floor_row *floor_container(floor_database *database, const char *id) {
  return floor_one_row(database, SELECT_CONTAINER, id);
}

floor_row *floor_state(floor_database *database, const char *id) {
  return floor_one_row(database, SELECT_STATE, id);
}

int floor_has(floor_database *database, const char *id) {
  sqlite3_stmt *row = floor_statement_of(database, SELECT_HAS);
  sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
  int code = sqlite3_step(row);
  floor_must(code == SQLITE_ROW || code == SQLITE_DONE, "has", database->handle);
  sqlite3_reset(row);
  return code == SQLITE_ROW;
}

floor_row *floor_look_up(floor_database *database, const char *text) {
  floor_run(database, floor_statement_of(database, BEGIN_READ));
  floor_row *found = floor_one_row(database, SELECT_BY_NAME, text);
  if (!found) {
    char end[256];
    size_t length = strlen(text);
    memcpy(end, text, length);
    end[length] = 0x7f;
    sqlite3_stmt *row = floor_statement_of(database, SELECT_BY_PREFIX);
    sqlite3_bind_text(row, 1, text, (int)length, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, end, (int)length + 1, SQLITE_STATIC);
    floor_must(sqlite3_step(row) == SQLITE_ROW, "look up", database->handle);
    found = floor_copied_row(row);
    floor_must(sqlite3_step(row) == SQLITE_DONE, "the prefix is not unique", database->handle);
    sqlite3_reset(row);
  }
  floor_run(database, floor_statement_of(database, COMMIT));
  return found;
}

floor_row *floor_specification(floor_database *database, int64_t generation) {
  sqlite3_stmt *row = floor_statement_of(database, SELECT_SPECIFICATION);
  sqlite3_bind_int64(row, 1, generation);
  floor_must(sqlite3_step(row) == SQLITE_ROW, "specification", database->handle);
  floor_row *copy = floor_copied_row(row);
  sqlite3_reset(row);
  return copy;
}

/// Whether this column of a summary is a text: id, name, image; behind the numbers labels and ports.
static int is_text(int column) { return column == 0 || column == 1 || column == 3 || column >= 10; }

static floor_list summaries(sqlite3_stmt *row) {
  floor_list list = {0};
  int columns = sqlite3_column_count(row), texts = 0;
  size_t capacity = 0, size = 0, used = 0;
  while (sqlite3_step(row) == SQLITE_ROW) {
    if (list.count == capacity) {
      capacity = capacity ? capacity * 2 : 256;
      list.rows = realloc(list.rows, capacity * sizeof *list.rows);
    }
    floor_row *line = &list.rows[list.count++];
    size_t needed = 0;
    int number = 0, text = 0;
    for (int i = 0; i < columns; i++) needed += is_text(i) ? (size_t)sqlite3_column_bytes(row, i) + 1 : 0;
    while (used + needed > size) list.texts = realloc(list.texts, size = size ? size * 2 : 65536);
    for (int i = 0; i < columns; i++) {
      if (is_text(i)) {
        uint32_t length = (uint32_t)sqlite3_column_bytes(row, i);
        if (length) memcpy(list.texts + used, sqlite3_column_blob(row, i), length);
        list.texts[used + length] = 0;
        line->lengths[text++] = length;
        used += length + 1;
      } else {
        line->numbers[number++] = sqlite3_column_int64(row, i);
      }
    }
    texts = text;
  }
  sqlite3_reset(row);
  // The texts have their place only now.
  const char *next = list.texts;
  for (uint64_t i = 0; i < list.count; i++) {
    for (int text = 0; text < texts; text++) {
      list.rows[i].texts[text] = next;
      next += list.rows[i].lengths[text] + 1;
    }
  }
  return list;
}

floor_list floor_all(floor_database *database) {
  return summaries(floor_statement_of(database, SELECT_ALL));
}

floor_list floor_all_ids(floor_database *database) {
  sqlite3_stmt *row = floor_statement_of(database, SELECT_ALL_IDS);
  floor_list list = {0};
  size_t size = 0, used = 0;
  while (sqlite3_step(row) == SQLITE_ROW) {
    const void *id = sqlite3_column_text(row, 0);
    size_t length = (size_t)sqlite3_column_bytes(row, 0) + 1;
    while (used + length > size) list.texts = realloc(list.texts, size = size ? size * 2 : 4096);
    memcpy(list.texts + used, id, length);
    used += length;
    list.count++;
  }
  sqlite3_reset(row);
  return list;
}

floor_list floor_labelled(floor_database *database, const char *key, const char *value) {
  sqlite3_stmt *row = floor_statement_of(database, SELECT_BY_LABEL);
  sqlite3_bind_text(row, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_text(row, 2, value, -1, SQLITE_STATIC);
  return summaries(row);
}

void floor_free_list(floor_list list) {
  free(list.rows);
  free(list.texts);
}

// MARK: Writes

void floor_update(floor_database *database, int64_t generation, const char *id) {
  static const int64_t numbers[7] = {4242, 123456, 4241, 123450, 1700000000000000000, 0, 0};
  floor_run(database, floor_statement_of(database, BEGIN_WRITE));
  sqlite3_stmt *row = floor_statement_of(database, UPDATE_STATE);
  for (int i = 0; i < 7; i++) sqlite3_bind_int64(row, i + 1, numbers[i]);
  for (int i = 0; i < 6; i++) sqlite3_bind_text(row, i + 8, state_texts[i], -1, SQLITE_STATIC);
  sqlite3_bind_int64(row, 14, generation);
  floor_run(database, row);
  floor_record(database, (floor_change){FLOOR_CONTAINER, id, FLOOR_UPDATED, 3, 3, ++database->revision});
  floor_run(database, floor_statement_of(database, COMMIT));
}

int64_t floor_insert_rows(floor_database *database, const char *id, const char *name) {
  sqlite3_stmt *row = floor_statement_of(database, INSERT_RECORD);
  sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);
  floor_run(database, row);
  sqlite3_int64 generation = sqlite3_last_insert_rowid(database->handle);
  for (int which = INSERT_CONTAINER; which <= INSERT_LABELS; which++) {
    row = floor_statement_of(database, which);
    sqlite3_bind_int64(row, 1, generation);
    floor_run(database, row);
  }
  return generation;
}

void floor_add(floor_database *database, const char *id, const char *name) {
  floor_run(database, floor_statement_of(database, BEGIN_WRITE));
  floor_insert_rows(database, id, name);
  floor_record(database, (floor_change){FLOOR_CONTAINER, id, FLOOR_ADDED, 0, 3, 1});
  floor_run(database, floor_statement_of(database, COMMIT));
}

void floor_remove(floor_database *database, const char *id) {
  floor_run(database, floor_statement_of(database, BEGIN_WRITE));
  sqlite3_stmt *row = floor_statement_of(database, DELETE_RECORD);
  sqlite3_bind_text(row, 1, id, -1, SQLITE_STATIC);
  floor_run(database, row);
  floor_record(database, (floor_change){FLOOR_CONTAINER, id, FLOOR_REMOVED, 3, 0, 1});
  floor_run(database, floor_statement_of(database, COMMIT));
}
