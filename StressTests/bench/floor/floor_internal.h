#ifndef FLOOR_INTERNAL_H
#define FLOOR_INTERNAL_H

#include "floor_database.h"

#include <sqlite3.h>

enum floor_statement {
  SELECT_CONTAINER, SELECT_STATE, SELECT_HAS, SELECT_BY_NAME, SELECT_BY_PREFIX, SELECT_SPECIFICATION,
  SELECT_ALL, SELECT_ALL_IDS, SELECT_BY_LABEL, UPDATE_STATE, INSERT_RECORD, INSERT_CONTAINER, INSERT_STATE,
  INSERT_EXTRA,
  INSERT_SPECIFICATION, INSERT_LISTING, INSERT_LABELS, DELETE_RECORD, INSERT_CHANGE, TRIM_CHANGES,
  SELECT_CHANGES,
  SELECT_NEWEST_CHANGE, INSERT_POD_RECORD, INSERT_POD, INSERT_POD_STATE, INSERT_POD_LABELS, INSERT_MEMBER,
  SELECT_POD_ID, SELECT_POD, SELECT_MEMBERS, DELETE_GENERATION, DELETE_GENERATIONS, INSERT_CONNECTION,
  DELETE_CONNECTION, INSERT_SESSION, DELETE_SESSION, INSERT_EXIT_CODE, SELECT_EXIT_CODE, BEGIN_READ,
  BEGIN_WRITE, COMMIT, STATEMENT_COUNT,
};

struct floor_database {
  sqlite3 *handle;
  /// Whether a commit is left to a later sync.
  int is_committed_only;
  /// Whether each change gets its row in the sequence of changes.
  int records_changes;
  int64_t revision;
  sqlite3_stmt *statements[STATEMENT_COUNT];
};

/// The numbers that the schema has for kinds and actions.
enum { FLOOR_CONTAINER = 1, FLOOR_POD = 2, FLOOR_SESSION = 4, FLOOR_EXIT_CODE = 5, FLOOR_NETWORK = 6 };
enum { FLOOR_ADDED = 1, FLOOR_UPDATED = 2, FLOOR_REMOVED = 4, FLOOR_CONNECTED = 5, FLOOR_RECORDED = 9 };

typedef struct {
  int64_t kind;
  const char *id;
  int64_t action;
  /// 0: none.
  int64_t from, to;
  int64_t revision;
} floor_change;

/// A statement that is prepared once and kept.
sqlite3_stmt *floor_statement_of(floor_database *database, enum floor_statement which);
/// Runs a statement without rows.
void floor_run(floor_database *database, sqlite3_stmt *row);
/// Copies all columns of the row a statement is at into one allocation.
floor_row *floor_copied_row(sqlite3_stmt *row);
/// The one row that a text finds, copied; NULL where there is none.
floor_row *floor_one_row(floor_database *database, enum floor_statement which, const char *text);

/// Inserts a container's rows, copies of the first one's, inside the caller's transaction; its generation.
int64_t floor_insert_rows(floor_database *database, const char *id, const char *name);
/// Records a change inside the caller's transaction, where the database is to record any.
void floor_record(floor_database *database, floor_change change);

/// Ends the process with a message unless `is_true`.
void floor_must(int is_true, const char *what, sqlite3 *handle);
void floor_run_sql(sqlite3 *handle, const char *sql);

#endif
