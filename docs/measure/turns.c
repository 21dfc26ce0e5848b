// The figures of docs/decisions/0017-giving-way.md, measured on your machine: ways to queue for one record
// lock.
//
//   cc -O2 docs/measure/turns.c -o /tmp/turns
//   /tmp/turns DIRECTORY PROCESSES HOLD_MICROSECONDS [busy]
//
// Each process takes the lock, keeps it (asleep, or busy), lets go, and asks again at once, for two seconds.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 256, TURN = 1000000, PROCESS_LIMIT = 64, WAIT_LIMIT = 1 << 20 };

struct range { off_t start, length; };
static const struct range lock = {0, 1LL << 62}, turnstile = {(1LL << 62) + 16, 1}, queue = {1LL << 62, 1};

static char path[4096];
static int descriptor;
static int64_t turn_end;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void pause_for(int64_t nanoseconds) {
    struct timespec time = {0, nanoseconds};
    nanosleep(&time, NULL);
}

static int set(int command, short type, struct range range) {
    struct flock request = {.l_type = type, .l_start = range.start, .l_len = range.length};
    while (fcntl(descriptor, command, &request) != 0) {
        if (errno == EAGAIN || errno == EACCES) return 0;
        if (errno == EDEADLK) pause_for(500000);
    }
    return 1;
}

static int is_taken(struct range range) {
    struct flock request = {.l_type = F_WRLCK, .l_start = range.start, .l_len = range.length};
    return fcntl(descriptor, F_GETLK, &request) == 0 && request.l_type != F_UNLCK;
}

static int is_marked(void) {
    struct stat status;
    return stat(path, &status) == 0 && status.st_size > RECORD;
}

static int try_lock(void) {
    if (set(F_SETLK, F_WRLCK, lock)) return 1;
    for (int i = 0; i < 4; i++) {
        sched_yield();
        if (set(F_SETLK, F_WRLCK, lock)) return 1;
    }
    return 0;
}

// Whoever asks at the right moment.
static void ask_plainly(void) {
    if (!is_marked() && try_lock()) return;
    set(F_SETLKW, F_WRLCK, lock);
}

// A second lock, held only while queueing for the first.
static void pass_turnstile(void) {
    (void)is_marked();
    set(F_SETLKW, F_WRLCK, turnstile);
    set(F_SETLKW, F_WRLCK, lock);
    set(F_SETLK, F_UNLCK, turnstile);
}

// L-18 of docs/locking-protocol.md; `turn` 0: no turn, after each stay somebody else.
static void give_way(int64_t turn) {
    if (!is_marked() || now() < turn_end) {
        int is_alone = !is_marked();
        if (try_lock()) {
            if (is_alone) turn_end = now() + turn;
            return;
        }
    }
    for (int64_t pause = 10000; is_marked() && now() >= turn_end && !is_taken(lock); pause_for(pause)) {
        if (!is_taken(queue)) {
            (void)!ftruncate(descriptor, RECORD);
            turn_end = now() + turn;
            if (set(F_SETLK, F_WRLCK, lock)) return;
        }
        if (pause < 500000) pause *= 2;
    }
    set(F_SETLK, F_RDLCK, queue);
    if (!is_marked()) (void)!ftruncate(descriptor, RECORD + 1);
    set(F_SETLKW, F_WRLCK, lock);
    turn_end = now() + turn;
    set(F_SETLK, F_UNLCK, queue);
}

static void give_way_with_turn(void) { give_way(TURN); }
static void give_way_always(void) { give_way(0); }

struct result {
    int64_t count, longest, p99;
};

static int by_size(const void *left, const void *right) {
    int64_t difference = *(const int64_t *)left - *(const int64_t *)right;
    return (difference > 0) - (difference < 0);
}

static void work(void (*ask)(void), int64_t hold, int is_busy, int64_t begin, struct result *result) {
    int64_t *waits = calloc(WAIT_LIMIT, sizeof *waits);
    descriptor = open(path, O_RDWR | O_CLOEXEC);
    while (now() < begin) pause_for(100000);
    while (now() < begin + 2000000000 && result->count < WAIT_LIMIT) {
        int64_t asked = now();
        ask();
        int64_t granted = now();
        waits[result->count++] = granted - asked;
        if (!is_busy) pause_for(hold);
        while (is_busy && now() < granted + hold) {}
        set(F_SETLK, F_UNLCK, (struct range){0, 0});
    }
    qsort(waits, result->count, sizeof *waits, by_size);
    result->longest = waits[result->count - 1];
    result->p99 = waits[result->count * 99 / 100];
}

static void measure(const char *name, void (*ask)(void), int processes, int64_t hold, int is_busy,
                    struct result *results) {
    memset(results, 0, sizeof *results * PROCESS_LIMIT);
    close(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (truncate(path, RECORD) != 0) perror(path);
    int64_t begin = now() + 50000000;
    for (int i = 0; i < processes; i++) {
        if (fork() != 0) continue;
        work(ask, hold, is_busy, begin, &results[i]);
        _exit(0);
    }
    while (wait(NULL) > 0) {}
    struct result all = {0}, least = results[0], most = results[0];
    for (int i = 0; i < processes; i++) {
        all.count += results[i].count;
        if (results[i].count < least.count) least = results[i];
        if (results[i].count > most.count) most = results[i];
        if (results[i].p99 > all.p99) all.p99 = results[i].p99;
        if (results[i].longest > all.longest) all.longest = results[i].longest;
    }
    printf("%-24s %8.0f/s  slowest/fastest %.2f  p99 %7.2f ms  longest %7.2f ms\n", name, all.count / 2.0,
           (double)least.count / (double)most.count, all.p99 / 1e6, all.longest / 1e6);
}

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: turns DIRECTORY PROCESSES HOLD_MICROSECONDS [busy]\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/turns.lock", words[1]);
    int processes = atoi(words[2]), is_busy = count > 4;
    if (processes < 1 || processes > PROCESS_LIMIT) return 2;
    int64_t hold = atoll(words[3]) * 1000;
    struct result *results = mmap(NULL, sizeof *results * PROCESS_LIMIT, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    setvbuf(stdout, NULL, _IONBF, 0);
    measure("plain", ask_plainly, processes, hold, is_busy, results);
    measure("turnstile", pass_turnstile, processes, hold, is_busy, results);
    measure("give way each time", give_way_always, processes, hold, is_busy, results);
    measure("give way after a turn", give_way_with_turn, processes, hold, is_busy, results);
    unlink(path);
    return 0;
}
