// The figures of docs/decisions, measured on your machine.
//
//   cc -O2 docs/measure/measure.c -lsqlite3 -o /tmp/measure
//   /tmp/measure locks|files|looks|names|writers|wal|rows DIRECTORY
//   /tmp/measure start PROGRAM
//
// DIRECTORY: on the file system that is asked about. PROGRAM: runs with the argument "one" to its end.
// Look at the ratios.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char directory[4096];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void must(int is_true, const char *what) {
    if (is_true) return;
    perror(what);
    exit(1);
}

static char *in_directory(const char *name) {
    static char paths[4][8192];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static int by_size(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/// Runs something 21 times `count` times, prints the median and the least of one run, returns the median.
static double median(const char *name, int count, void (*body)(int)) {
    double rounds[21];
    for (int round = 0; round < 21; round++) {
        double start = now();
        for (int i = 0; i < count; i++) body(i);
        rounds[round] = (now() - start) / count * 1e6;
    }
    qsort(rounds, 21, sizeof rounds[0], by_size);
    printf("%-58s %8.2f us (least %.2f)\n", name, rounds[10], rounds[0]);
    return rounds[10];
}

// Record locks.

static int lock_descriptor;
static char *lock_path;

static void set_lock(int descriptor, int command, short type, off_t start, off_t length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    must(fcntl(descriptor, command, &lock) == 0, "fcntl");
}

static void lock_kept(int i) {
    (void)i;
    set_lock(lock_descriptor, F_SETLK, F_WRLCK, 0, 0);
    set_lock(lock_descriptor, F_SETLK, F_UNLCK, 0, 0);
}

static void lock_description(int i) {
    (void)i;
    set_lock(lock_descriptor, F_OFD_SETLK, F_WRLCK, 0, 0);
    set_lock(lock_descriptor, F_OFD_SETLK, F_UNLCK, 0, 0);
}

static void lock_opened(int i) {
    (void)i;
    int descriptor = open(lock_path, O_RDWR | O_CLOEXEC);
    set_lock(descriptor, F_SETLK, F_WRLCK, 0, 0);
    close(descriptor);
}

static void lock_range(int i) {
    (void)i;
    set_lock(lock_descriptor, F_SETLK, F_WRLCK, 1000000, 1);
    set_lock(lock_descriptor, F_SETLK, F_UNLCK, 1000000, 1);
}

static void measure_locks(void) {
    lock_path = in_directory("lock");
    lock_descriptor = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(lock_descriptor >= 0, "open");
    double kept = median("lock and unlock, descriptor kept", 20000, lock_kept);
    median("the same, open file description", 20000, lock_description);
    for (int i = 0; i < 10000; i++) set_lock(lock_descriptor, F_SETLK, F_WRLCK, i * 2, 1);
    double range = median("one byte of a file with 10,000 ranges held", 1000, lock_range);
    set_lock(lock_descriptor, F_SETLK, F_UNLCK, 0, 0);
    close(lock_descriptor);
    median("open, lock, close", 5000, lock_opened);
    printf("ratio: one file with ranges / a file each %.0f\n", range / kept);
}

// Files that come and go.

static void make_and_unlink(int i) {
    char name[32];
    snprintf(name, sizeof name, "%d.lock", i);
    int descriptor = open(in_directory(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(descriptor >= 0, "open");
    unlink(in_directory(name));
    close(descriptor);
}

static void measure_files(void) {
    median("make and unlink one lockfile", 200, make_and_unlink);
    double worst = 0, sum = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 2000; i++) {
            char name[32];
            snprintf(name, sizeof name, "%d.lock", i);
            int descriptor = open(in_directory(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            must(descriptor >= 0 && write(descriptor, directory, 256) == 256, "write");
            close(descriptor);
        }
        for (int i = 0; i < 2000; i++) {
            char name[32];
            snprintf(name, sizeof name, "%d.lock", i);
            unlink(in_directory(name));
        }
        double start = now();
        for (int i = 0; i < 200; i++) {
            double before = now();
            make_and_unlink(i);
            if (now() - before > worst) worst = now() - before;
        }
        sum += now() - start;
    }
    const char *name = "the same just after 2,000 unlinks";
    printf("%-58s %8.2f us, worst %.0f us\n", name, sum / 1000 * 1e6, worst * 1e6);
}

// What a look at a file costs its next sync.

static int looks_with;

static void look_and_sync(int i) {
    static char frames[8304];
    struct stat status;
    struct statx inode;
    unsigned no_times = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_INO | STATX_SIZE;
    if (looks_with == 1) must(lstat(lock_path, &status) == 0, "lstat");
    if (looks_with == 2) must(statx(AT_FDCWD, lock_path, 0, no_times, &inode) == 0, "statx");
    must(pwrite(lock_descriptor, frames, sizeof frames, i % 500 * (off_t)sizeof frames) > 0, "pwrite");
    must(fdatasync(lock_descriptor) == 0, "fdatasync");
}

static void measure_looks(void) {
    lock_path = in_directory("log");
    lock_descriptor = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(lock_descriptor >= 0, "open");
    for (int i = 0; i < 500; i++) look_and_sync(i);
    const char *names[] = {
        "overwrite and sync", "lstat, overwrite and sync", "statx without times, overwrite and sync"};
    for (looks_with = 0; looks_with < 3; looks_with++) median(names[looks_with], 50, look_and_sync);
}

// What a directory's change time tells of the names in it, and what looks cost between two syncs.

static int names_descriptor;

static int64_t names_stamp(void) {
    struct statx found;
    must(statx(names_descriptor, "", AT_EMPTY_PATH, STATX_CTIME, &found) == 0, "statx");
    return found.stx_ctime.tv_sec * 1000000000LL + found.stx_ctime.tv_nsec;
}

static void names_looks(const char *name, int of_files) {
    struct statx found;
    const char *files[] = {"log", "lock", "gate"};
    double sum = 0;
    for (int i = 0; i < 2000; i++) {
        looks_with = 0;
        look_and_sync(i);
        double start = now();
        for (int file = 0; of_files && file < 3; file++) {
            const char *path = in_directory(files[file]);
            must(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &found) == 0, "statx");
        }
        if (!of_files) names_stamp();
        sum += now() - start;
    }
    printf("%-58s %8.2f us\n", name, sum / 2000 * 1e6);
}

static void names_deed(const char *name, int result, int is_change) {
    static int64_t before;
    int64_t after = names_stamp();
    must(result >= 0, name);
    if (is_change) printf("%-58s %s\n", name, after != before ? "another stamp" : "THE SAME STAMP");
    before = after;
    usleep(after % 1000000000 == 0 ? 2100000 : 30000);
}

static void measure_names(void) {
    static char away[8192];
    lock_path = in_directory("log");
    lock_descriptor = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    names_descriptor = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(lock_descriptor >= 0 && names_descriptor >= 0, "open");
    names_deed("", open(in_directory("lock"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
    names_deed("a file made", open(in_directory("gate"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 1);
    for (int i = 0; i < 500; i++) look_and_sync(i);
    names_looks("three looks at files by their paths, after a sync", 1);
    names_looks("one look at the directory by a descriptor, after a sync", 0);
    names_deed("", 0, 0);
    names_deed("renamed", rename(in_directory("gate"), in_directory("test.db")), 1);
    names_deed("given to another file", rename(in_directory("lock"), in_directory("test.db")), 1);
    names_deed("linked", link(in_directory("test.db"), in_directory("lock")), 1);
    names_deed("unlinked", unlink(in_directory("lock")), 1);
    snprintf(away, sizeof away, "%s.away", directory);
    names_deed("the directory itself moved", rename(directory, away), 1);
    must(rename(away, directory) == 0, "rename");
}

// SQLite.

static void run_sql(sqlite3 *database, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &message) == SQLITE_OK) return;
    fprintf(stderr, "%s: %s\n", sql, message);
    exit(1);
}

static sqlite3 *open_database(const char *settings) {
    sqlite3 *database = NULL;
    must(sqlite3_open(in_directory("test.db"), &database) == SQLITE_OK, "sqlite3_open");
    sqlite3_busy_timeout(database, 20000);
    run_sql(database, settings);
    return database;
}

static void remove_database(void) {
    unlink(in_directory("test.db"));
    unlink(in_directory("test.db-wal"));
    unlink(in_directory("test.db-shm"));
}

static void sync_wal(sqlite3 *database) {
    sqlite3_file *file = NULL;
    sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    must(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK, "sync");
}

// How those who wait for a sync share one: a page that all processes have. No death is provided for.
enum { LED = 1, AWAITED = 2, SHARED = 4, TURN = 8 };
static struct { uint32_t turn; uint64_t committed, synced, usual, syncs; } *shared;

static void sync_and_publish(sqlite3 *database) {
    uint64_t all = __atomic_load_n(&shared->committed, __ATOMIC_ACQUIRE);
    double start = now();
    sync_wal(database);
    uint64_t took = (uint64_t)((now() - start) * 1e9), usual = shared->usual;
    shared->usual = usual == 0 || took < usual ? took : usual + usual / 64;
    uint64_t synced = __atomic_load_n(&shared->synced, __ATOMIC_ACQUIRE);
    while (synced < all && !__atomic_compare_exchange_n(
        &shared->synced, &synced, all, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {}
    __atomic_add_fetch(&shared->syncs, 1, __ATOMIC_RELAXED);
}

// Whether so many syncs cost two processors more than one of them the disk.
static int is_worth_sharing(uint64_t waiting) { return waiting * 30000 >= shared->usual; }

static void sync_together(sqlite3 *database, int always) {
    uint64_t mine = __atomic_add_fetch(&shared->committed, 1, __ATOMIC_ACQ_REL);
    if (!always && !(__atomic_load_n(&shared->turn, __ATOMIC_RELAXED) & SHARED)) {
        uint64_t waiting = mine - __atomic_load_n(&shared->synced, __ATOMIC_ACQUIRE);
        if ((int64_t)waiting < 4 || !is_worth_sharing(waiting)) {
            sync_and_publish(database);
            return;
        }
        __atomic_or_fetch(&shared->turn, SHARED, __ATOMIC_RELAXED);
    }
    for (;;) {
        uint32_t turn = __atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE);
        uint64_t before = __atomic_load_n(&shared->synced, __ATOMIC_ACQUIRE);
        if (before >= mine) return;
        uint32_t wanted = turn | (turn & LED ? AWAITED : LED);
        if (wanted != turn && !__atomic_compare_exchange_n(
            &shared->turn, &turn, wanted, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) continue;
        if (turn & LED) {
            syscall(SYS_futex, &shared->turn, FUTEX_WAIT, wanted, NULL, NULL, 0);
            continue;
        }
        sync_and_publish(database);
        uint64_t count = __atomic_load_n(&shared->synced, __ATOMIC_ACQUIRE) - before;
        uint32_t ends = LED | AWAITED | (count > 1 && is_worth_sharing(2 * count) ? 0 : SHARED);
        turn = __atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE);
        while (!__atomic_compare_exchange_n(
            &shared->turn, &turn, (turn + TURN) & ~ends, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {}
        if (turn & AWAITED) syscall(SYS_futex, &shared->turn, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
        return;
    }
}

enum how { BUSY_HANDLER, SYNC_INSIDE, SYNC_OUTSIDE, SYNC_TOGETHER, SYNC_SHARED, NO_SYNC, ROLLBACK_JOURNAL };
struct writer { double waits[400000]; int count; };

static void write_for(double seconds, int process, enum how how, struct writer *writer) {
    int is_outside = how >= SYNC_OUTSIDE && how <= NO_SYNC;
    int has_gate = is_outside || how == SYNC_INSIDE;
    const char *durable = is_outside ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL";
    sqlite3 *database = open_database(durable);
    int gate = open(in_directory("gate"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE item SET value = value + 1 WHERE id = %d", process * 7 + 1);
    double end = now() + seconds;
    while (now() < end && writer->count < 400000) {
        double start = now();
        if (has_gate) set_lock(gate, F_SETLKW, F_WRLCK, 0, 0);
        run_sql(database, "BEGIN IMMEDIATE");
        run_sql(database, sql);
        run_sql(database, "COMMIT");
        if (has_gate) set_lock(gate, F_SETLKW, F_UNLCK, 0, 0);
        if (how == SYNC_OUTSIDE) sync_wal(database);
        if (how == SYNC_TOGETHER || how == SYNC_SHARED) sync_together(database, how == SYNC_TOGETHER);
        writer->waits[writer->count++] = now() - start;
    }
    _exit(0);
}

static void measure_writers_of(const char *name, int processes, enum how how, double seconds) {
    remove_database();
    sqlite3 *database = open_database(
        how == ROLLBACK_JOURNAL ? "PRAGMA journal_mode=DELETE" : "PRAGMA journal_mode=WAL");
    run_sql(database, "CREATE TABLE item(id INTEGER PRIMARY KEY, value INTEGER, text TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000)"
        "INSERT INTO item SELECT i, 0, printf('%0100d', i) FROM n");
    sqlite3_close(database);
    size_t size = sizeof(struct writer) * (size_t)processes;
    struct writer *writers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(writers != MAP_FAILED, "mmap");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED, "mmap");
    for (int i = 0; i < processes; i++) {
        if (fork() == 0) write_for(seconds, i, how, &writers[i]);
    }
    while (wait(NULL) > 0) {}
    int total = 0, fewest = writers[0].count, most = 0;
    for (int i = 0; i < processes; i++) {
        total += writers[i].count;
        if (writers[i].count < fewest) fewest = writers[i].count;
        if (writers[i].count > most) most = writers[i].count;
    }
    double *all = malloc(sizeof(double) * (size_t)(total + 1));
    int next = 0;
    for (int i = 0; i < processes; i++) {
        memcpy(all + next, writers[i].waits, sizeof(double) * (size_t)writers[i].count);
        next += writers[i].count;
    }
    qsort(all, (size_t)total, sizeof(double), by_size);
    printf("%-27s %2d processes %7.0f/s  p99 %7.2f ms  worst %8.1f ms  slowest/fastest %.2f\n",
        name, processes, total / seconds, all[total * 99 / 100] * 1e3, all[total - 1] * 1e3,
        most ? (double)fewest / most : 0);
    free(all);
    munmap(writers, size);
}

static void measure_writers(void) {
    int counts[] = {1, 2, 4, 8, 16, 32};
    for (int i = 0; i < 6; i++) {
        measure_writers_of("rollback journal", counts[i], ROLLBACK_JOURNAL, 2);
        measure_writers_of("WAL, busy handler", counts[i], BUSY_HANDLER, 2);
        measure_writers_of("WAL, gate, sync inside", counts[i], SYNC_INSIDE, 2);
        measure_writers_of("WAL, gate, sync outside", counts[i], SYNC_OUTSIDE, 2);
        measure_writers_of("WAL, gate, one sync for all", counts[i], SYNC_TOGETHER, 2);
        measure_writers_of("WAL, gate, shared by many", counts[i], SYNC_SHARED, 2);
        measure_writers_of("WAL, gate, no sync", counts[i], NO_SYNC, 2);
    }
}

static int keeps_wal;

static void short_lived_writer(int i) {
    (void)i;
    sqlite3 *database = open_database("PRAGMA synchronous=FULL");
    if (keeps_wal) {
        int persists = 1;
        sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_file_control(database, "main", SQLITE_FCNTL_PERSIST_WAL, &persists);
    }
    run_sql(database, "UPDATE item SET value = value + 1 WHERE id = 3");
    sqlite3_close(database);
}

static int sync_descriptor;
static off_t sync_offset;

static void write_and_sync(int overwrites) {
    static char frames[8304];
    if (overwrites && sync_offset > (4 << 20)) sync_offset = 0;
    must(pwrite(sync_descriptor, frames, sizeof frames, sync_offset) == sizeof frames, "pwrite");
    sync_offset += (off_t)sizeof frames;
    must(fdatasync(sync_descriptor) == 0, "fdatasync");
}

static void append(int i) { (void)i; write_and_sync(0); }
static void overwrite(int i) { (void)i; write_and_sync(1); }

static void measure_wal(void) {
    double times[2];
    for (keeps_wal = 0; keeps_wal < 2; keeps_wal++) {
        remove_database();
        sqlite3 *database = open_database("PRAGMA journal_mode=WAL; CREATE TABLE item(id INTEGER PRIMARY KEY,"
            "value INTEGER); INSERT INTO item VALUES (3, 0)");
        sqlite3_close(database);
        times[keeps_wal] = median(
            keeps_wal ? "open, durable update, close; WAL kept"
                      : "open, durable update, close; WAL deleted at close",
            20, short_lived_writer);
    }
    printf("ratio: deleted / kept %.1f\n", times[0] / times[1]);
    sync_descriptor = open(in_directory("log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    double appended = median("two frames appended and synced", 50, append);
    must(ftruncate(sync_descriptor, 0) == 0, "ftruncate");
    for (sync_offset = 0; sync_offset < (5 << 20);) write_and_sync(0);
    double overwritten = median("two frames overwritten and synced", 50, overwrite);
    printf("ratio: appended / overwritten %.1f\n", appended / overwritten);
}

// Wide and narrow rows.

static sqlite3 *rows;

static void update_pid(const char *table, int i) {
    char sql[96];
    int pid = i / 100 % 2 ? 70000 : 7;
    snprintf(sql, sizeof sql, "UPDATE %s SET pid = %d WHERE id = %d", table, pid, 1 + i % 100);
    run_sql(rows, sql);
}

static void update_wide(int i) { update_pid("wide", i); }
static void update_narrow(int i) { update_pid("narrow", i); }

static int wal_frames;

static int count_frames(void *context, sqlite3 *database, const char *name, int frames) {
    (void)context, (void)database, (void)name;
    wal_frames = frames;
    return SQLITE_OK;
}

static void measure_rows(void) {
    remove_database();
    rows = open_database("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
    sqlite3_wal_hook(rows, count_frames, NULL);
    run_sql(rows, "CREATE TABLE wide(id INTEGER PRIMARY KEY, pid INTEGER, json BLOB);"
        "CREATE TABLE narrow(id INTEGER PRIMARY KEY, pid INTEGER);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100)"
        "INSERT INTO wide SELECT i, 7, zeroblob(12288) FROM n; INSERT INTO narrow SELECT id, pid FROM wide;");
    void (*bodies[])(int) = {update_wide, update_narrow};
    double times[2], frames[2];
    for (int i = 0; i < 2; i++) {
        int before = wal_frames;
        const char *name = i ? "pid changes in a narrow row" : "pid changes in a row with 12 KB of JSON";
        times[i] = median(name, 200, bodies[i]);
        frames[i] = (wal_frames - before) / (21.0 * 200);
        printf("%-58s %8.2f frames\n", "", frames[i]);
    }
    printf("ratio: wide / narrow %.1f in time, %.1f in frames\n", times[0] / times[1], frames[0] / frames[1]);
    sqlite3_close(rows);
}

// The life of a program.

static char *program;

static void run_program(int i) {
    (void)i;
    char *words[] = {program, "one", NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    must(posix_spawn(&child, program, &actions, NULL, words, environment) == 0, "posix_spawn");
    must(waitpid(child, &status, 0) == child && status == 0, "exit status");
    posix_spawn_file_actions_destroy(&actions);
}

int main(int count, char **arguments) {
    must(count == 3, "arguments: EXPERIMENT DIRECTORY");
    if (!strcmp(arguments[1], "start")) {
        program = arguments[2];
        median(program, 20, run_program);
        return 0;
    }
    snprintf(directory, sizeof directory, "%s/measure-XXXXXX", arguments[2]);
    must(mkdtemp(directory) != NULL, "mkdtemp");
    const char *experiment = arguments[1];
    if (!strcmp(experiment, "locks")) measure_locks();
    else if (!strcmp(experiment, "files")) measure_files();
    else if (!strcmp(experiment, "looks")) measure_looks();
    else if (!strcmp(experiment, "names")) measure_names();
    else if (!strcmp(experiment, "writers")) measure_writers();
    else if (!strcmp(experiment, "wal")) measure_wal();
    else if (!strcmp(experiment, "rows")) measure_rows();
    else fprintf(stderr, "no such experiment\n");
    const char *files[] = {"lock", "gate", "log", "test.db", "test.db-wal", "test.db-shm", "test.db-journal"};
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) unlink(in_directory(files[i]));
    return rmdir(directory) == 0 ? 0 : 1;
}
