#ifndef FLOOR_DATABASE_H
#define FLOOR_DATABASE_H

#include <stdint.h>

// What the store does with its database, in plain C on libsqlite3 and as fast as C gets: statements are
// prepared once and kept, text is bound without a copy, a row is copied into one allocation. Same schema,
// same pages, same settings where they matter. Nothing is defended against and no promise is kept but the
// durability of a commit, so this is a floor, not a store. Every failure ends the process with a message.

typedef struct floor_database floor_database;

/// What a whole container, a state or a line of a listing is made of; texts point into the same allocation.
typedef struct {
  int64_t numbers[18];
  const char *texts[12];
  uint32_t lengths[12];
} floor_row;

typedef struct floor_list {
  uint64_t count;
  floor_row *rows;
  char *texts;
} floor_list;

/// Opens an existing database; the first statement reads it.
floor_database *floor_open(const char *path);
/// Closes. With `copies_back` as SQLite does it by default: the last one out copies the WAL back and deletes
/// it; else the WAL stays as it is.
void floor_close(floor_database *database, int copies_back);

/// A whole container; free(3) it. NULL where there is none.
floor_row *floor_container(floor_database *database, const char *id);
/// A state; free(3) it. NULL where there is none.
floor_row *floor_state(floor_database *database, const char *id);
/// Whether there is a container of this id.
int floor_has(floor_database *database, const char *id);
/// The whole container of an exact name, or of a unique prefix of an id; free(3) it.
floor_row *floor_look_up(floor_database *database, const char *text);
/// The specification of a container that is there; free(3) it.
floor_row *floor_specification(floor_database *database, int64_t generation);
/// Id, name, status, image, times, labels and ports of all containers, newest first.
floor_list floor_all(floor_database *database);
/// The ids of all containers, newest first, one after the other in `texts`.
floor_list floor_all_ids(floor_database *database);
void floor_free_list(floor_list list);

/// The same of the containers with this label.
floor_list floor_labelled(floor_database *database, const char *key, const char *value);

/// From now on each change gets its row in the sequence of changes, as in the store.
void floor_record_changes(floor_database *database);
/// Before the first write: commits are left to a later sync.
void floor_commit_only(floor_database *database);
/// One plain commit: the whole state of a running container is written, its restart count counted up.
void floor_update(floor_database *database, int64_t generation, const char *id);
/// The row of a new container, made of the parts of the container of generation 1; durable.
void floor_add(floor_database *database, const char *id, const char *name);
/// Removes a container's row and all that belongs to it; durable.
void floor_remove(floor_database *database, const char *id);

/// Fills a store's database, which holds one container, up to `count`: copies of the first one under the ids
/// and names of `bench_id` and `bench_name`. Copies the WAL back and leaves none.
void floor_populate(const char *path, uint64_t count);
/// Copies the WAL back, so that what is measured next does not have to.
void floor_copy_back(floor_database *database);
/// Leaves at least `frames` frames in the WAL, as a process that was killed would.
void floor_leave_frames(const char *path, uint32_t frames);
/// Makes the WAL as long as it becomes, all of it copied back: a sync that also extends the file takes
/// longer, and the faster of two would sooner be done with that.
void floor_extend_wal(const char *path);

/// 64 hexadecimal digits and NUL: the id of container number `index`.
void bench_id(uint64_t index, char id[65]);
/// The name of container number `index` and NUL.
void bench_name(uint64_t index, char name[32]);

#endif
