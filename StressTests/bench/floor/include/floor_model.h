#ifndef FLOOR_MODEL_H
#define FLOOR_MODEL_H

#include "floor_database.h"

// Pods, networks, exec sessions, exit codes and changes in plain C. Each write is one commit with its change.

/// A pod like the one of generation `example`.
void floor_add_pod(floor_database *database, const char *id, const char *name, int64_t example);
/// A pod with members, all in one transaction.
void floor_add_full_pod(floor_database *database, const char *id, const char *name, int64_t example,
                        const char *const *member_ids, const char *const *member_names, uint64_t count);
/// Removes a pod and its members, in one transaction; how many members it had.
uint64_t floor_remove_pod(floor_database *database, const char *id);
/// The whole pod of an exact name; free(3) it. NULL where there is none.
floor_row *floor_look_up_pod(floor_database *database, const char *name);

void floor_connect(floor_database *database, int64_t container, const char *id, const char *network,
                   const void *options, uint64_t count);
void floor_disconnect(floor_database *database, int64_t container, const char *network);

void floor_add_session(floor_database *database, int64_t container, const char *id, const void *command,
                       uint64_t count);
void floor_remove_session(floor_database *database, const char *id);

void floor_record_exit_code(floor_database *database, const char *id, int32_t code);
/// The exit code of a container; free(3) it. NULL where there is none.
floor_row *floor_exit_code(floor_database *database, const char *id);

/// The sequence of the newest change.
int64_t floor_newest_change(floor_database *database);
/// At most `limit` changes after a sequence, oldest first; free with `floor_free_list`.
floor_list floor_changes(floor_database *database, int64_t after, int64_t limit);

/// A descriptor that tells of writes to the WAL of a database.
int floor_watch(const char *path);
/// Waits for a change after `after`; the sequence of the last of them.
int64_t floor_await_change(floor_database *database, int watch, int64_t after);

#endif
