#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

#include <stdint.h>

// What the coordinator and its forked workers share: one mapping, made before the first fork.

enum {
  BENCH_WORKER_LIMIT = 256,
  /// Instead of a subject: ends the workers.
  BENCH_END = 255,
  /// 32 buckets for each power of two: a percentile is right to 3 %.
  BENCH_BUCKETS = 32 * 40,
};

/// What one worker did in one block, or a sum of such.
typedef struct {
  uint64_t operations;
  uint64_t nanoseconds;
  uint64_t longest_nanoseconds;
  uint64_t syncs;
  uint64_t bytes_written;
  uint64_t processor_nanoseconds;
  uint32_t histogram[BENCH_BUCKETS];
} bench_result;

typedef struct {
  /// Workers that wait for the next block.
  uint32_t arrived;
  /// Counts the blocks; workers wait for it to change.
  uint32_t turn;
  /// Which subject the block is for, or `BENCH_END`.
  uint32_t subject;
  /// CLOCK_MONOTONIC: when a block begins and after when no operation begins any more.
  uint64_t begin_nanoseconds;
  uint64_t end_nanoseconds;
  /// Of the block that has just ended.
  bench_result results[BENCH_WORKER_LIMIT];
} bench_page;

/// A zeroed page that forked children share; NULL with errno set where there is no memory.
bench_page *bench_make_page(void);
void bench_free_page(bench_page *page);

/// A worker is ready for the next block and waits for it: the number of the turn.
uint32_t bench_await_turn(bench_page *page, uint32_t last_turn);
/// The coordinator waits until so many workers are ready, for 100 ms at most: whether they are.
int bench_await_arrivals(bench_page *page, uint32_t workers);
/// The coordinator starts a block for all who wait.
void bench_start_turn(bench_page *page);

/// Where a worker counts what it does in a block.
bench_result *bench_result_of(bench_page *page, uint32_t worker);
/// Nothing done yet; free(3) it.
bench_result *bench_make_result(void);
void bench_clear_result(bench_result *result);
/// Counts one operation of this length.
void bench_record(bench_result *result, uint64_t nanoseconds);
/// Adds another block's operations to a sum.
void bench_add_result(bench_result *sum, const bench_result *part);
/// The length in nanoseconds that `share` (0 … 1) of the operations stay within.
uint64_t bench_percentile(const bench_result *result, double share);

/// Calls the body: what a program that counts instructions is told to count (`--toggle-collect`).
void bench_counted(void (*body)(void *context), void *context);

#endif
