#define _GNU_SOURCE
#include "floor_internal.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t scrambled(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

void bench_id(uint64_t index, char id[65]) {
  for (uint64_t word = 0; word < 4; word++) {
    snprintf(id + word * 16, 17, "%016llx", (unsigned long long)scrambled(index * 4 + word));
  }
}

void bench_name(uint64_t index, char name[32]) {
  snprintf(name, 32, "container-%llu", (unsigned long long)index);
}

void floor_populate(const char *path, uint64_t count) {
  floor_database *database = floor_open(path);
  char id[65], name[32];
  // Nothing of it has to survive: whoever is interrupted here begins again.
  floor_run_sql(database->handle, "PRAGMA synchronous=OFF; PRAGMA cache_size=-200000");
  for (uint64_t first = 1; first < count; first += 5000) {
    floor_run_sql(database->handle, "BEGIN IMMEDIATE");
    for (uint64_t index = first; index < count && index < first + 5000; index++) {
      bench_id(index, id);
      bench_name(index, name);
      floor_insert_rows(database, id, name);
    }
    floor_run_sql(database->handle, "COMMIT; PRAGMA wal_checkpoint(PASSIVE)");
  }
  // As if each had been created a second after the one before.
  floor_run_sql(database->handle, "BEGIN IMMEDIATE; UPDATE record SET "
    "created_at_ns = created_at_ns + generation * 1000000000; COMMIT");
  // Ten of them are told apart by a label.
  char labels[256];
  snprintf(labels, sizeof labels, "BEGIN IMMEDIATE; INSERT INTO label SELECT generation, 'org.example.rare', "
    "'yes' FROM record WHERE generation %% %llu = 0 LIMIT 10; COMMIT", (unsigned long long)(count + 9) / 10);
  floor_run_sql(database->handle, labels);
  floor_run_sql(database->handle, "PRAGMA wal_checkpoint(TRUNCATE)");
  floor_close(database, 0);
}

void floor_copy_back(floor_database *database) {
  floor_run_sql(database->handle, "PRAGMA wal_checkpoint(PASSIVE)");
}

// Each commit writes the one page that it changes.
static void commit_frames(floor_database *database, uint32_t frames) {
  floor_run_sql(database->handle, "PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0;"
    "PRAGMA wal_checkpoint(TRUNCATE)");
  for (uint32_t frame = 0; frame < frames; frame++) {
    floor_run_sql(database->handle, "UPDATE container_state SET "
      "restart_count = (restart_count + 1) & 1048575 WHERE generation = 1");
  }
}

void floor_leave_frames(const char *path, uint32_t frames) {
  floor_database *database = floor_open(path);
  commit_frames(database, frames);
  floor_close(database, 0);
}

void floor_extend_wal(const char *path) {
  floor_database *database = floor_open(path);
  // More than a WAL checkpoint lets there be, with what one transaction of an addition takes.
  commit_frames(database, 1200);
  floor_run_sql(database->handle, "PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(RESTART)");
  floor_close(database, 0);
}
