#define _GNU_SOURCE
#include "peer_database.h"

#include "floor_internal.h"

#include <stdlib.h>
#include <string.h>

struct peer_database {
  sqlite3 *handle;
  /// What an addition and a save write: the JSON of the first container.
  char *configuration;
  char *state;
};

static const char *const schema =
  "CREATE TABLE DBConfig (ID INTEGER PRIMARY KEY NOT NULL, SchemaVersion INTEGER NOT NULL, OS TEXT NOT NULL, "
  "StaticDir TEXT NOT NULL, TmpDir TEXT NOT NULL, GraphRoot TEXT NOT NULL, RunRoot TEXT NOT NULL, "
  "GraphDriver TEXT NOT NULL, VolumeDir TEXT NOT NULL, CHECK (ID IN (1)));"
  "CREATE TABLE IDNamespace (ID TEXT PRIMARY KEY NOT NULL);"
  "CREATE TABLE ContainerConfig (ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, "
  "JSON TEXT NOT NULL, FOREIGN KEY (ID) REFERENCES IDNamespace(ID) DEFERRABLE INITIALLY DEFERRED, "
  "FOREIGN KEY (ID) REFERENCES ContainerState(ID) DEFERRABLE INITIALLY DEFERRED, "
  "FOREIGN KEY (PodID) REFERENCES PodConfig(ID));"
  "CREATE TABLE ContainerState (ID TEXT PRIMARY KEY NOT NULL, State INTEGER NOT NULL, ExitCode INTEGER, "
  "JSON TEXT NOT NULL, FOREIGN KEY (ID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED, "
  "CHECK (ExitCode BETWEEN -1 AND 255));"
  "CREATE TABLE ContainerExecSession (ID TEXT PRIMARY KEY NOT NULL, ContainerID TEXT NOT NULL, "
  "FOREIGN KEY (ContainerID) REFERENCES ContainerConfig(ID));"
  "CREATE TABLE ContainerDependency (ID TEXT NOT NULL, DependencyID TEXT NOT NULL, "
  "PRIMARY KEY (ID, DependencyID), "
  "FOREIGN KEY (ID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED, "
  "FOREIGN KEY (DependencyID) REFERENCES ContainerConfig(ID), CHECK (ID <> DependencyID));"
  "CREATE TABLE ContainerVolume (ContainerID TEXT NOT NULL, VolumeName TEXT NOT NULL, "
  "PRIMARY KEY (ContainerID, VolumeName), "
  "FOREIGN KEY (ContainerID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED, "
  "FOREIGN KEY (VolumeName) REFERENCES VolumeConfig(Name));"
  "CREATE TABLE ContainerExitCode (ID TEXT PRIMARY KEY NOT NULL, Timestamp INTEGER NOT NULL, "
  "ExitCode INTEGER NOT NULL, CHECK (ExitCode BETWEEN -1 AND 255));"
  "CREATE TABLE PodConfig (ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, JSON TEXT NOT NULL, "
  "FOREIGN KEY (ID) REFERENCES IDNamespace(ID) DEFERRABLE INITIALLY DEFERRED, "
  "FOREIGN KEY (ID) REFERENCES PodState(ID) DEFERRABLE INITIALLY DEFERRED);"
  "CREATE TABLE PodState (ID TEXT PRIMARY KEY NOT NULL, InfraContainerID TEXT, JSON TEXT NOT NULL, "
  "FOREIGN KEY (ID) REFERENCES PodConfig(ID) DEFERRABLE INITIALLY DEFERRED, "
  "FOREIGN KEY (InfraContainerID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED);"
  "CREATE TABLE VolumeConfig (Name TEXT PRIMARY KEY NOT NULL, StorageID TEXT, JSON TEXT NOT NULL, "
  "FOREIGN KEY (Name) REFERENCES VolumeState(Name) DEFERRABLE INITIALLY DEFERRED);"
  "CREATE TABLE VolumeState (Name TEXT PRIMARY KEY NOT NULL, JSON TEXT NOT NULL, "
  "FOREIGN KEY (Name) REFERENCES VolumeConfig(Name) DEFERRABLE INITIALLY DEFERRED);"
  "INSERT INTO DBConfig VALUES (1, 1, 'linux', '/s', '/t', '/g', '/r', 'overlay', '/v');";

// MARK: Statements

/// Prepares a statement and binds texts; NULL is SQL's NULL.
static sqlite3_stmt *prepared(peer_database *database, const char *sql, int count, const char *const *texts) {
  sqlite3_stmt *row = NULL;
  floor_must(sqlite3_prepare_v2(database->handle, sql, -1, &row, NULL) == SQLITE_OK, sql, database->handle);
  for (int i = 0; i < count; i++) sqlite3_bind_text(row, i + 1, texts[i], -1, SQLITE_STATIC);
  return row;
}

/// Runs a statement without rows.
static void run(peer_database *database, const char *sql, int count, const char *const *texts) {
  sqlite3_stmt *row = prepared(database, sql, count, texts);
  int code = sqlite3_step(row);
  floor_must(code == SQLITE_DONE || code == SQLITE_ROW, sql, database->handle);
  sqlite3_finalize(row);
}

/// The text in the first column of the one row; NULL where there is none.
static char *one_text(peer_database *database, const char *sql, int count, const char *const *texts) {
  sqlite3_stmt *row = prepared(database, sql, count, texts);
  int code = sqlite3_step(row);
  floor_must(code == SQLITE_ROW || code == SQLITE_DONE, sql, database->handle);
  char *copy = code == SQLITE_ROW ? strdup((const char *)sqlite3_column_text(row, 0)) : NULL;
  if (code == SQLITE_ROW) floor_must(sqlite3_step(row) == SQLITE_DONE, "more than one row", database->handle);
  sqlite3_finalize(row);
  return copy;
}

static void run_plain(peer_database *database, const char *sql) { run(database, sql, 0, NULL); }

// MARK: Open and close

static peer_database *opened(const char *path, int flags) {
  peer_database *database = calloc(1, sizeof *database);
  floor_must(database != NULL, "calloc", NULL);
  floor_must(sqlite3_open_v2(path, &database->handle, flags, NULL) == SQLITE_OK, path, database->handle);
  sqlite3_busy_timeout(database->handle, 100000);
  run_plain(database, "PRAGMA foreign_keys = 1");
  run_plain(database, "PRAGMA synchronous = FULL");
  return database;
}

peer_database *peer_open(const char *path) {
  peer_database *database = opened(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX);
  run_plain(database, "BEGIN EXCLUSIVE");
  free(one_text(database, "SELECT 1 FROM sqlite_master WHERE type='table' AND name='DBConfig'", 0, NULL));
  free(one_text(database, "SELECT SchemaVersion FROM DBConfig", 0, NULL));
  run_plain(database, "COMMIT");
  free(one_text(database,
    "SELECT Os, StaticDir, TmpDir, GraphRoot, RunRoot, GraphDriver, VolumeDir FROM DBConfig", 0, NULL));
  return database;
}

void peer_close(peer_database *database) {
  free(database->configuration);
  free(database->state);
  floor_must(sqlite3_close(database->handle) == SQLITE_OK, "close", database->handle);
  free(database);
}

// MARK: Reads

char *peer_container(peer_database *database, const char *id) {
  return one_text(database, "SELECT JSON FROM ContainerConfig WHERE ID=?;", 1, &id);
}

char *peer_state(peer_database *database, const char *id) {
  return one_text(database, "SELECT JSON FROM ContainerState WHERE ID=?;", 1, &id);
}

int peer_has(peer_database *database, const char *id) {
  char *found = one_text(database, "SELECT 1 FROM ContainerConfig WHERE ID=?;", 1, &id);
  free(found);
  return found != NULL;
}

char *peer_look_up(peer_database *database, const char *text) {
  char pattern[256];
  size_t length = strnlen(text, sizeof pattern - 2);
  memcpy(pattern, text, length);
  memcpy(pattern + length, "%", 2);
  const char *texts[] = {text, pattern};
  return one_text(database, "SELECT JSON FROM ContainerConfig WHERE ContainerConfig.Name=? "
    "OR (ContainerConfig.ID LIKE ?);", 2, texts);
}

peer_list peer_all(peer_database *database) {
  peer_list list = {0};
  uint64_t capacity = 0;
  sqlite3_stmt *row = prepared(database, "SELECT ContainerConfig.JSON, ContainerState.JSON AS StateJSON "
    "FROM ContainerConfig INNER JOIN ContainerState ON ContainerConfig.ID = ContainerState.ID;", 0, NULL);
  while (sqlite3_step(row) == SQLITE_ROW) {
    if (list.count + 2 > capacity) {
      capacity = capacity ? capacity * 2 : 512;
      list.texts = realloc(list.texts, capacity * sizeof *list.texts);
      floor_must(list.texts != NULL, "realloc", NULL);
    }
    for (int i = 0; i < 2; i++) list.texts[list.count++] = strdup((const char *)sqlite3_column_text(row, i));
  }
  sqlite3_finalize(row);
  return list;
}

void peer_free_list(peer_list list) {
  for (uint64_t i = 0; i < list.count; i++) free(list.texts[i]);
  free(list.texts);
}

// MARK: Writes

/// How each state's JSON begins.
static const char *const first_state = "{\"restartCount\":100000000,";

/// The JSON that writes need, read once.
static void learn_texts(peer_database *database) {
  if (database->configuration) return;
  char id[65];
  bench_id(0, id);
  database->configuration = peer_container(database, id);
  database->state = peer_state(database, id);
  floor_must(database->configuration && database->state, "the first container is not there", NULL);
}

/// Makes the next state another text: SQLite leaves a page alone where nothing in it changes.
static void count_restart(peer_database *database) {
  char *digit = database->state + strlen(first_state) - 2;
  while (*digit == '9') *digit-- = '0';
  ++*digit;
}

void peer_save(peer_database *database, const char *id) {
  learn_texts(database);
  count_restart(database);
  const char *texts[] = {database->state, "3", "0", id};
  run_plain(database, "BEGIN EXCLUSIVE");
  run(database, "UPDATE ContainerState SET JSON=?, State=?, ExitCode=? WHERE ID=?;", 4, texts);
  run_plain(database, "COMMIT");
}

static void insert(peer_database *database, const char *id, const char *name) {
  const char *configuration[] = {id, name, NULL, database->configuration};
  const char *state[] = {id, "3", "0", database->state};
  free(one_text(database, "SELECT 1 FROM ContainerConfig WHERE Name=?;", 1, &name));
  run(database, "INSERT INTO IDNamespace VALUES (?);", 1, &id);
  run(database, "INSERT INTO ContainerConfig VALUES (?, ?, ?, ?);", 4, configuration);
  run(database, "INSERT INTO ContainerState VALUES (?, ?, ?, ?);", 4, state);
}

void peer_add(peer_database *database, const char *id, const char *name) {
  learn_texts(database);
  run_plain(database, "BEGIN EXCLUSIVE");
  insert(database, id, name);
  run_plain(database, "COMMIT");
}

void peer_remove(peer_database *database, const char *id) {
  run_plain(database, "BEGIN EXCLUSIVE");
  free(one_text(database, "SELECT ID FROM ContainerDependency WHERE DependencyID=?;", 1, &id));
  free(one_text(database, "SELECT ID FROM ContainerExecSession WHERE ContainerID=?;", 1, &id));
  run(database, "DELETE FROM IDNamespace WHERE ID=?;", 1, &id);
  run(database, "DELETE FROM ContainerConfig WHERE ID=?;", 1, &id);
  run(database, "DELETE FROM ContainerState WHERE ID=?;", 1, &id);
  run(database, "DELETE FROM ContainerDependency WHERE ID=?;", 1, &id);
  run(database, "DELETE FROM ContainerVolume WHERE ContainerID=?;", 1, &id);
  run(database, "DELETE FROM ContainerExecSession WHERE ContainerID=?;", 1, &id);
  run_plain(database, "COMMIT");
}

// MARK: Filling

void peer_populate(const char *floor_path, const char *path, uint64_t count) {
  peer_database *floor = opened(floor_path, SQLITE_OPEN_READWRITE);
  char *configuration = one_text(floor, "SELECT '{\"spec\":' || CAST(s.json AS TEXT) || ',\"details\":' || "
    "CAST(c.details AS TEXT) || '}' FROM container c JOIN specification s ON s.generation = c.generation "
    "WHERE c.generation = 1", 0, NULL);
  char *state = one_text(floor, "SELECT ?1 || '\"extra\":' || CAST(json AS TEXT) || '}' "
    "FROM container_state_extra WHERE generation = 1", 1, &first_state);
  peer_close(floor);
  peer_database *database = opened(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  database->configuration = configuration;
  database->state = state;
  // Nothing of it has to survive: whoever is interrupted here begins again.
  floor_run_sql(database->handle, "PRAGMA synchronous=OFF");
  floor_run_sql(database->handle, schema);
  char id[65], name[32];
  for (uint64_t index = 0; index < count;) {
    run_plain(database, "BEGIN EXCLUSIVE");
    for (uint64_t end = index + 1000; index < count && index < end; index++) {
      bench_id(index, id);
      bench_name(index, name);
      insert(database, id, name);
    }
    run_plain(database, "COMMIT");
  }
  peer_close(database);
}
