#include "faults.h"

#include <sqlite3.h>
#include <stddef.h>

static sqlite3_mem_methods original;

static void *allocate(int size) {
  return faults_meet(FAULTS_MEMORY, "sqlite3_malloc") == FAULTS_GIVE_UP ? NULL : original.xMalloc(size);
}

static void *reallocate(void *memory, int size) {
  if (faults_meet(FAULTS_MEMORY, "sqlite3_realloc") == FAULTS_GIVE_UP) return NULL;
  return original.xRealloc(memory, size);
}

int faults_watch_sqlite_memory(void) {
  int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &original);
  if (code != SQLITE_OK) return code;
  sqlite3_mem_methods watched = original;
  watched.xMalloc = allocate;
  watched.xRealloc = reallocate;
  code = sqlite3_config(SQLITE_CONFIG_MALLOC, &watched);
  // Without lookaside memory, so that every allocation is one.
  if (code == SQLITE_OK) code = sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
  return code;
}
