#ifndef FLOOR_INTERNAL_H
#define FLOOR_INTERNAL_H

#include "floor_database.h"

#include <sqlite3.h>

enum floor_statement {
  SELECT_CONTAINER, SELECT_STATE, SELECT_HAS, SELECT_BY_NAME, SELECT_BY_PREFIX, SELECT_SPECIFICATION,
  SELECT_ALL, UPDATE_STATE, INSERT_RECORD, INSERT_CONTAINER, INSERT_STATE, INSERT_EXTRA,
  INSERT_SPECIFICATION, INSERT_LABELS, DELETE_RECORD, BEGIN_READ, BEGIN_WRITE, COMMIT, STATEMENT_COUNT,
};

struct floor_database {
  sqlite3 *handle;
  int journal;
  sqlite3_stmt *statements[STATEMENT_COUNT];
};

/// Inserts a container's rows, copies of the first one's, inside the caller's transaction.
void floor_insert_rows(floor_database *database, const char *id, const char *name);

/// Ends the process with a message unless `is_true`.
void floor_must(int is_true, const char *what, sqlite3 *handle);
void floor_run_sql(sqlite3 *handle, const char *sql);

#endif
