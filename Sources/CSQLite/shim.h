#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Only what Swift cannot say: variadic calls, the destructor constants, and calls through an
// sqlite3_file's method table.

/// sqlite3_db_config for the switches that take an int.
///
/// Source: https://sqlite.org/c3ref/c_dbconfig_defensive.html
static inline int csqlite_configure(sqlite3 *database, int option, int value) {
  return sqlite3_db_config(database, option, value, (int *)NULL);
}

/// Binds text that SQLite copies before returning.
static inline int csqlite_bind_text_copy(
    sqlite3_stmt *statement, int position, const char *text, int count) {
  return sqlite3_bind_text(statement, position, text ? text : "", count, SQLITE_TRANSIENT);
}

/// Binds text that outlives the statement, without a copy.
static inline int csqlite_bind_text_static(
    sqlite3_stmt *statement, int position, const char *text, int count) {
  return sqlite3_bind_text(statement, position, text, count, SQLITE_STATIC);
}

/// Binds bytes that SQLite copies before returning; none at all is an empty blob, not NULL.
static inline int csqlite_bind_blob_copy(
    sqlite3_stmt *statement, int position, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, position, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

/// The connection's open WAL file, or NULL when the database is not in WAL mode or was not read yet.
static inline sqlite3_file *csqlite_wal_file(sqlite3 *database) {
  sqlite3_file *file = NULL;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK) return NULL;
  return file != NULL && file->pMethods != NULL ? file : NULL;
}

/// The errno with which the last call on the connection's files failed, of those that SQLite takes for damage
/// (unixRead in os_unix.c) and calls SQLITE_CORRUPT then; 0 for none.
static inline int csqlite_damage_errno(sqlite3 *database) {
  int found[2] = {0, 0};
  sqlite3_file *wal = csqlite_wal_file(database);
  sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &found[0]);
  if (wal != NULL) wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &found[1]);
  for (int index = 0; index < 2; index++) {
    if (found[index] == EIO || found[index] == ENXIO || found[index] == ERANGE) return found[index];
  }
  return 0;
}

/// Syncs the WAL through the connection's own descriptor; SQLITE_OK or SQLite's code, with errno in
/// *system_errno.
static inline int csqlite_wal_sync(sqlite3 *database, int *system_errno) {
  sqlite3_file *file = csqlite_wal_file(database);
  *system_errno = 0;
  if (file == NULL) return SQLITE_IOERR;
  errno = 0;
  int code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) *system_errno = errno;
  return code;
}

/// Reads bytes of the WAL through the connection's own descriptor; fewer than asked for is an error.
static inline int csqlite_wal_read(sqlite3 *database, void *bytes, int count, sqlite3_int64 offset) {
  sqlite3_file *file = csqlite_wal_file(database);
  return file == NULL ? SQLITE_IOERR : file->pMethods->xRead(file, bytes, count, offset);
}

/// Writes bytes into the WAL through the connection's own descriptor; for the holder of the write lock.
static inline int csqlite_wal_write(sqlite3 *database, const void *bytes, int count, sqlite3_int64 offset) {
  sqlite3_file *file = csqlite_wal_file(database);
  return file == NULL ? SQLITE_IOERR : file->pMethods->xWrite(file, bytes, count, offset);
}

/// Writes an empty WAL full of zeros up to that length; where not all of it can be had, it is empty again.
///
/// For the holder of the write lock. To SQLite a WAL without its magic number at the start is an empty one
/// (`walIndexRecover` in wal.c), and a frame without the salts of its header is beyond the end.
static inline int csqlite_wal_fill(sqlite3 *database, sqlite3_int64 bytes) {
  // SQLite writes less than 128 KiB at once (seekAndWriteFd in os_unix.c).
  enum { piece = 1 << 16 };
  sqlite3_file *file = csqlite_wal_file(database);
  sqlite3_int64 size = 0;
  if (file == NULL) return SQLITE_IOERR;
  int code = file->pMethods->xFileSize(file, &size);
  if (code != SQLITE_OK || size > 0) return code;
  void *zeros = calloc(1, piece);
  if (zeros == NULL) return SQLITE_NOMEM;
  for (; code == SQLITE_OK && size < bytes; size += piece) {
    code = file->pMethods->xWrite(file, zeros, (int)(bytes - size < piece ? bytes - size : piece), size);
  }
  free(zeros);
  if (code != SQLITE_OK) file->pMethods->xTruncate(file, 0);
  return code;
}

/// Reads two words of the shared WAL index: frames in the WAL and frames copied back.
///
/// Takes no lock. Offsets: https://sqlite.org/walformat.html#the_wal_index_header (mxFrame 16, nBackfill 96).
static inline int csqlite_wal_frames(sqlite3 *database, uint32_t *frames, uint32_t *copied) {
  sqlite3_file *file = NULL;
  void volatile *region = NULL;
  *frames = *copied = 0;
  if (csqlite_wal_file(database) == NULL) return SQLITE_OK;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xShmMap(file, 0, 32768, 0, &region);
  if (code != SQLITE_OK || region == NULL) return code;
  const uint32_t volatile *words = (const uint32_t volatile *)region;
  *frames = __atomic_load_n(words + 16 / 4, __ATOMIC_RELAXED);
  *copied = __atomic_load_n(words + 96 / 4, __ATOMIC_RELAXED);
  return SQLITE_OK;
}

/// The header of the WAL index, which every commit changes.
///
/// Source: https://sqlite.org/walformat.html#the_wal_index_header (48 bytes, isInit at byte 12; kept twice,
/// the second copy is written first).
struct csqlite_wal_header {
  uint64_t words[6];
};

/// Where both copies of the header are mapped, or NULL when the database was not read yet.
///
/// SQLite moves or gives up that mapping no sooner than it closes the connection.
static inline const uint64_t volatile *csqlite_wal_index(sqlite3 *database) {
  sqlite3_file *file = NULL;
  void volatile *region = NULL;
  if (csqlite_wal_file(database) == NULL) return NULL;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return NULL;
  if (file->pMethods->xShmMap(file, 0, 32768, 0, &region) != SQLITE_OK) return NULL;
  return (const uint64_t volatile *)region;
}

/// Copies the header; 0 where somebody is changing it, died over that, or has not made it yet.
///
/// Whatever is read afterwards is as new as the copy, or newer.
static inline int csqlite_copy_wal_header(
    const uint64_t volatile *index, struct csqlite_wal_header *copy) {
  uint64_t differences = 0;
  for (int word = 0; word < 6; word++) copy->words[word] = __atomic_load_n(index + word, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  for (int word = 0; word < 6; word++) {
    differences |= copy->words[word] ^ __atomic_load_n(index + 6 + word, __ATOMIC_RELAXED);
  }
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return differences == 0 && ((const unsigned char *)copy->words)[12] != 0;
}

/// 1 where both copies of the header are still what was copied.
static inline int csqlite_wal_header_is(
    const uint64_t volatile *index, const struct csqlite_wal_header *copy) {
  uint64_t differences = 0;
  for (int word = 0; word < 6; word++) {
    differences |= copy->words[word] ^ __atomic_load_n(index + word, __ATOMIC_RELAXED);
    differences |= copy->words[word] ^ __atomic_load_n(index + 6 + word, __ATOMIC_RELAXED);
  }
  return differences == 0;
}

/// Syncs the database through the connection's own descriptor; as `csqlite_wal_sync`.
static inline int csqlite_database_sync(sqlite3 *database, int *system_errno) {
  sqlite3_file *file = NULL;
  *system_errno = 0;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK) return code;
  errno = 0;
  code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) *system_errno = errno;
  return code;
}

/// SQLite's locks on the WAL index that a connection may hold beyond what SQLite itself does with it.
///
/// The lock of a read mark is 3 + its number, 0 to 4; 0 is that of readers who need nothing of the WAL.
///
/// Source: https://sqlite.org/walformat.html#wal_locks (WAL_WRITE_LOCK, WAL_CKPT_LOCK, WAL_READ_LOCK).
enum csqlite_wal_lock_slot {
  csqlite_wal_write_lock = 0,
  csqlite_wal_checkpoint_lock = 1,
  csqlite_wal_read_lock = 3
};

/// Takes one of these locks for the connection at once, or SQLITE_BUSY.
static inline int csqlite_wal_lock(sqlite3 *database, int slot) {
  sqlite3_file *file = NULL;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK) return code;
  return file->pMethods->xShmLock(file, slot, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
}

/// Gives back what `csqlite_wal_lock` took.
static inline void csqlite_wal_unlock(sqlite3 *database, int slot) {
  sqlite3_file *file = NULL;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return;
  file->pMethods->xShmLock(file, slot, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
}

/// Has all frames of the WAL copied again by the next WAL checkpoint, as a recovery does: nBackfill is 0.
///
/// Under the WAL checkpoint lock, whose holder alone changes that word but for a writer that restarts the
/// WAL, who sets it to 0 as well. Where the lock cannot be had now somebody else copies: SQLITE_BUSY.
static inline int csqlite_wal_forget_copied(sqlite3 *database) {
  sqlite3_file *file = NULL;
  void volatile *region = NULL;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xShmMap(file, 0, 32768, 0, &region);
  if (code != SQLITE_OK || region == NULL) return code;
  code = csqlite_wal_lock(database, csqlite_wal_checkpoint_lock);
  if (code != SQLITE_OK) return code;
  __atomic_store_n((uint32_t volatile *)region + 96 / 4, 0, __ATOMIC_RELEASE);
  csqlite_wal_unlock(database, csqlite_wal_checkpoint_lock);
  return SQLITE_OK;
}

/// 1 when the header of the WAL index is whole: no writer died over it, so nobody has to recover it.
///
/// For the holder of the write lock, under whom nobody changes it. Source: as `csqlite_wal_frames` (two
/// copies of 48 bytes, isInit at byte 12).
static inline int csqlite_wal_header_is_whole(sqlite3 *database) {
  sqlite3_file *file = NULL;
  void volatile *region = NULL;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xShmMap(file, 0, 32768, 0, &region);
  if (code != SQLITE_OK || region == NULL) return 0;
  const unsigned char *bytes = (const unsigned char *)region;
  return bytes[12] != 0 && memcmp(bytes, bytes + 48, 48) == 0;
}

/// 1 when the file the connection has open is no longer the one its path names; with an errno in
/// *system_errno where SQLite says so because it could not look.
static inline int csqlite_has_moved(sqlite3 *database, int *system_errno) {
  int moved = 0;
  errno = 0;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  *system_errno = moved && errno != ENOENT && errno != ENOTDIR ? errno : 0;
  return code == SQLITE_OK ? moved : 1;
}

#endif
