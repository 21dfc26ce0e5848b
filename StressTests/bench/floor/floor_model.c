#define _GNU_SOURCE
#include "floor_model.h"
#include "floor_internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum { MEMBER_LIMIT = 1024 };

static int64_t clock_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void begin(floor_database *database) {
  floor_run(database, floor_statement_of(database, BEGIN_WRITE));
}

static void commit(floor_database *database) { floor_run(database, floor_statement_of(database, COMMIT)); }

static sqlite3_stmt *with_text(
    floor_database *database, enum floor_statement which, int place, const char *text) {
  sqlite3_stmt *row = floor_statement_of(database, which);
  sqlite3_bind_text(row, place, text, -1, SQLITE_STATIC);
  return row;
}

// MARK: Changes

void floor_record_changes(floor_database *database) { database->records_changes = 1; }

void floor_commit_only(floor_database *database) { database->is_committed_only = 1; }

// The store's limits: ten thousand changes, and none older than a day; looked at every 64 changes.
static void trim_changes(floor_database *database, int64_t newest, int64_t now) {
  if (newest % 64 != 0) return;
  sqlite3_stmt *row = floor_statement_of(database, TRIM_CHANGES);
  sqlite3_bind_int64(row, 1, newest);
  sqlite3_bind_int64(row, 2, newest - 10000);
  sqlite3_bind_int64(row, 3, now - 86400 * 1000000000LL);
  floor_run(database, row);
}

void floor_record(floor_database *database, floor_change change) {
  if (!database->records_changes) return;
  sqlite3_stmt *row = with_text(database, INSERT_CHANGE, 2, change.id);
  sqlite3_bind_int64(row, 1, change.kind);
  sqlite3_bind_int64(row, 3, change.action);
  if (change.from) sqlite3_bind_int64(row, 4, change.from); else sqlite3_bind_null(row, 4);
  if (change.to) sqlite3_bind_int64(row, 5, change.to); else sqlite3_bind_null(row, 5);
  sqlite3_bind_int64(row, 6, change.revision);
  sqlite3_bind_int64(row, 7, getpid());
  int64_t now = clock_nanoseconds();
  sqlite3_bind_int64(row, 8, now);
  floor_run(database, row);
  trim_changes(database, sqlite3_last_insert_rowid(database->handle), now);
}

int64_t floor_newest_change(floor_database *database) {
  sqlite3_stmt *row = floor_statement_of(database, SELECT_NEWEST_CHANGE);
  floor_must(sqlite3_step(row) == SQLITE_ROW, "newest change", database->handle);
  int64_t newest = sqlite3_column_int64(row, 0);
  sqlite3_reset(row);
  return newest;
}

floor_list floor_changes(floor_database *database, int64_t after, int64_t limit) {
  sqlite3_stmt *row = floor_statement_of(database, SELECT_CHANGES);
  sqlite3_bind_int64(row, 1, after);
  sqlite3_bind_int64(row, 2, limit);
  floor_list list = {0};
  size_t capacity = 0, size = 0, used = 0;
  while (sqlite3_step(row) == SQLITE_ROW) {
    if (list.count == capacity) {
      capacity = capacity ? capacity * 2 : 32;
      list.rows = realloc(list.rows, capacity * sizeof *list.rows);
    }
    floor_row *line = &list.rows[list.count++];
    uint32_t length = (uint32_t)sqlite3_column_bytes(row, 2);
    while (used + length + 1 > size) list.texts = realloc(list.texts, size = size ? size * 2 : 4096);
    memcpy(list.texts + used, sqlite3_column_text(row, 2), length + 1);
    line->lengths[0] = length;
    used += length + 1;
    for (int i = 0; i < 9; i++) {
      if (i != 2) line->numbers[i] = sqlite3_column_int64(row, i);
    }
  }
  sqlite3_reset(row);
  // The texts have their place only now.
  const char *next = list.texts;
  for (uint64_t i = 0; i < list.count; next += list.rows[i++].lengths[0] + 1) list.rows[i].texts[0] = next;
  return list;
}

int floor_watch(const char *path) {
  char wal[4096];
  snprintf(wal, sizeof wal, "%s-wal", path);
  int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  floor_must(watch >= 0 && inotify_add_watch(watch, wal, IN_MODIFY) >= 0, wal, NULL);
  return watch;
}

int64_t floor_await_change(floor_database *database, int watch, int64_t after) {
  char events[4096];
  // The WAL is written a moment before its index makes the commit visible, and that tells nobody.
  int64_t pause = 20000;
  while (1) {
    while (read(watch, events, sizeof events) > 0) {}
    floor_list list = floor_changes(database, after, 256);
    int64_t last = list.count ? list.rows[list.count - 1].numbers[0] : 0;
    floor_free_list(list);
    if (last) return last;
    struct pollfd one = {.fd = watch, .events = POLLIN};
    struct timespec limit = {0, pause};
    pause = ppoll(&one, 1, &limit, NULL) > 0 ? 20000 : pause < 500000000 ? pause * 2 : pause;
  }
}

// MARK: Pods

static int64_t insert_pod(floor_database *database, const char *id, const char *name, int64_t example) {
  sqlite3_stmt *row = with_text(database, INSERT_POD_RECORD, 1, id);
  sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);
  floor_run(database, row);
  int64_t generation = sqlite3_last_insert_rowid(database->handle);
  for (int which = INSERT_POD; which <= INSERT_POD_LABELS; which++) {
    row = floor_statement_of(database, which);
    sqlite3_bind_int64(row, 1, generation);
    sqlite3_bind_int64(row, 2, example);
    floor_run(database, row);
  }
  floor_record(database, (floor_change){FLOOR_POD, id, FLOOR_ADDED, 0, 0, 1});
  return generation;
}

void floor_add_pod(floor_database *database, const char *id, const char *name, int64_t example) {
  begin(database);
  insert_pod(database, id, name, example);
  commit(database);
}

void floor_add_full_pod(floor_database *database, const char *id, const char *name, int64_t example,
                        const char *const *member_ids, const char *const *member_names, uint64_t count) {
  begin(database);
  int64_t pod = insert_pod(database, id, name, example);
  for (uint64_t i = 0; i < count; i++) {
    int64_t container = floor_insert_rows(database, member_ids[i], member_names[i]);
    sqlite3_stmt *row = floor_statement_of(database, INSERT_MEMBER);
    sqlite3_bind_int64(row, 1, container);
    sqlite3_bind_int64(row, 2, pod);
    floor_run(database, row);
  }
  commit(database);
}

// One statement for all: SQLite's undo of a statement is a page once, not once for each.
static void delete_members(floor_database *database, floor_row *const *members, uint64_t count) {
  char list[MEMBER_LIMIT * 21 + 2];
  size_t used = 0;
  for (uint64_t i = 0; i < count; i++) {
    used += (size_t)snprintf(list + used, sizeof list - used, "%c%lld", i ? ',' : '[',
        (long long)members[i]->numbers[0]);
  }
  snprintf(list + used, sizeof list - used, count ? "]" : "[]");
  floor_run(database, with_text(database, DELETE_GENERATIONS, 1, list));
}

static void delete_pod(floor_database *database, int64_t generation) {
  sqlite3_stmt *row = floor_statement_of(database, DELETE_GENERATION);
  sqlite3_bind_int64(row, 1, generation);
  floor_run(database, row);
}

uint64_t floor_remove_pod(floor_database *database, const char *id) {
  begin(database);
  floor_row *pod = floor_one_row(database, SELECT_POD, id);
  floor_must(pod != NULL, "the pod is not there", NULL);
  sqlite3_stmt *row = floor_statement_of(database, SELECT_MEMBERS);
  sqlite3_bind_int64(row, 1, pod->numbers[0]);
  floor_row *members[MEMBER_LIMIT];
  uint64_t count = 0;
  while (count < MEMBER_LIMIT && sqlite3_step(row) == SQLITE_ROW) members[count++] = floor_copied_row(row);
  sqlite3_reset(row);
  delete_members(database, members, count);
  for (uint64_t i = 0; i < count; i++) {
    const int64_t *numbers = members[i]->numbers;
    floor_record(database, (floor_change){
        FLOOR_CONTAINER, members[i]->texts[0], FLOOR_REMOVED, numbers[1], 0, numbers[2]});
    free(members[i]);
  }
  delete_pod(database, pod->numbers[0]);
  floor_record(database, (floor_change){FLOOR_POD, id, FLOOR_REMOVED, 0, 0, 1});
  free(pod);
  commit(database);
  return count;
}

floor_row *floor_look_up_pod(floor_database *database, const char *name) {
  floor_run(database, floor_statement_of(database, BEGIN_READ));
  floor_row *id = floor_one_row(database, SELECT_POD_ID, name);
  floor_row *pod = id ? floor_one_row(database, SELECT_POD, id->texts[0]) : NULL;
  free(id);
  commit(database);
  return pod;
}

// MARK: Networks, sessions, exit codes

void floor_connect(floor_database *database, int64_t container, const char *id, const char *network,
                   const void *options, uint64_t count) {
  begin(database);
  sqlite3_stmt *row = with_text(database, INSERT_CONNECTION, 2, network);
  sqlite3_bind_int64(row, 1, container);
  sqlite3_bind_blob(row, 3, options, (int)count, SQLITE_STATIC);
  floor_run(database, row);
  floor_record(database, (floor_change){FLOOR_NETWORK, id, FLOOR_CONNECTED, 0, 0, 0});
  commit(database);
}

void floor_disconnect(floor_database *database, int64_t container, const char *network) {
  begin(database);
  sqlite3_stmt *row = with_text(database, DELETE_CONNECTION, 2, network);
  sqlite3_bind_int64(row, 1, container);
  floor_run(database, row);
  commit(database);
}

void floor_add_session(floor_database *database, int64_t container, const char *id, const void *command,
                       uint64_t count) {
  begin(database);
  sqlite3_stmt *row = with_text(database, INSERT_SESSION, 1, id);
  sqlite3_bind_int64(row, 2, container);
  sqlite3_bind_int64(row, 3, clock_nanoseconds());
  sqlite3_bind_blob(row, 4, command, (int)count, SQLITE_STATIC);
  floor_run(database, row);
  floor_record(database, (floor_change){FLOOR_SESSION, id, FLOOR_ADDED, 0, 0, 1});
  commit(database);
}

void floor_remove_session(floor_database *database, const char *id) {
  begin(database);
  floor_run(database, with_text(database, DELETE_SESSION, 1, id));
  commit(database);
}

void floor_record_exit_code(floor_database *database, const char *id, int32_t code) {
  begin(database);
  sqlite3_stmt *row = with_text(database, INSERT_EXIT_CODE, 1, id);
  sqlite3_bind_int64(row, 2, code);
  sqlite3_bind_int64(row, 3, clock_nanoseconds());
  floor_run(database, row);
  floor_record(database, (floor_change){FLOOR_EXIT_CODE, id, FLOOR_RECORDED, 0, 0, 0});
  commit(database);
}

floor_row *floor_exit_code(floor_database *database, const char *id) {
  return floor_one_row(database, SELECT_EXIT_CODE, id);
}
