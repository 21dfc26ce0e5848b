#ifndef PEER_DATABASE_H
#define PEER_DATABASE_H

#include <stdint.h>

// The SQLite state of podman 5 in plain C: its tables, its pragmas, its statements in their order, prepared
// for each call as its driver does. What it does beside SQLite is left out: it decodes and encodes JSON,
// takes a lock of a thread library in shared memory, and is written in Go. This is the least that it takes.
//
// Source: libpod/sqlite_state.go and sqlite_state_internal.go of github.com/containers/podman (the DSN
// `_foreign_keys=1&_txlock=exclusive&_sync=FULL&_busy_timeout=100000`, the journal at its default, DELETE).
// Every failure ends the process with a message.

typedef struct peer_database peer_database;

/// JSON texts, each ended by NUL; free with `peer_free_list`.
typedef struct {
  uint64_t count;
  char **texts;
} peer_list;

/// Makes a database of `count` containers under the ids and names of `bench_id` and `bench_name`. The JSON of
/// each is that of the floor's first container: details and specification in one text, and its state's JSON.
void peer_populate(const char *floor_path, const char *path, uint64_t count);

/// Opens as a process of the peer does: pragmas, an exclusive transaction that looks at the schema, then its
/// configuration.
peer_database *peer_open(const char *path);
void peer_close(peer_database *database);

/// The JSON of a container; free(3) it. NULL where there is none.
char *peer_container(peer_database *database, const char *id);
/// The JSON of a state; free(3) it. NULL where there is none.
char *peer_state(peer_database *database, const char *id);
/// Whether there is a container of this id.
int peer_has(peer_database *database, const char *id);
/// The JSON of the one container of this name or prefix of an id; free(3) it.
char *peer_look_up(peer_database *database, const char *text);
/// The JSON of all containers and of their states.
peer_list peer_all(peer_database *database);
void peer_free_list(peer_list list);

/// Writes the whole state of a container; one durable transaction.
void peer_save(peer_database *database, const char *id);
/// A container with what the first one has; one durable transaction.
void peer_add(peer_database *database, const char *id, const char *name);
/// Removes a container; one durable transaction.
void peer_remove(peer_database *database, const char *id);

#endif
