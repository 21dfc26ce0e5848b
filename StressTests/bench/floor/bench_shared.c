#define _GNU_SOURCE
#include "bench_shared.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

bench_page *bench_make_page(void) {
  void *page = mmap(NULL, sizeof(bench_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? NULL : page;
}

void bench_free_page(bench_page *page) { munmap(page, sizeof *page); }

// Not private: the waiters are in other processes.
static void wait_while(uint32_t *word, uint32_t value, const struct timespec *limit) {
  syscall(SYS_futex, word, FUTEX_WAIT, value, limit, NULL, 0);
}

static void wake_all(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

uint32_t bench_await_turn(bench_page *page, uint32_t last_turn) {
  __atomic_add_fetch(&page->arrived, 1, __ATOMIC_ACQ_REL);
  wake_all(&page->arrived);
  uint32_t turn;
  while ((turn = __atomic_load_n(&page->turn, __ATOMIC_ACQUIRE)) == last_turn) {
    wait_while(&page->turn, last_turn, NULL);
  }
  return turn;
}

int bench_await_arrivals(bench_page *page, uint32_t workers) {
  uint32_t arrived = __atomic_load_n(&page->arrived, __ATOMIC_ACQUIRE);
  if (arrived >= workers) return 1;
  struct timespec limit = {0, 100000000};
  wait_while(&page->arrived, arrived, &limit);
  return __atomic_load_n(&page->arrived, __ATOMIC_ACQUIRE) >= workers;
}

void bench_start_turn(bench_page *page) {
  __atomic_store_n(&page->arrived, 0, __ATOMIC_RELAXED);
  __atomic_add_fetch(&page->turn, 1, __ATOMIC_ACQ_REL);
  wake_all(&page->turn);
}

// Lengths below 32 ns have a bucket each; above, each power of two has 32.
static uint32_t bucket_of(uint64_t nanoseconds) {
  if (nanoseconds < 32) return (uint32_t)nanoseconds;
  uint32_t power = 63 - (uint32_t)__builtin_clzll(nanoseconds);
  uint32_t bucket = (power - 4) * 32 + (uint32_t)(nanoseconds >> (power - 5)) - 32;
  return bucket < BENCH_BUCKETS ? bucket : BENCH_BUCKETS - 1;
}

static uint64_t top_of(uint32_t bucket) {
  if (bucket < 32) return bucket;
  return ((uint64_t)(bucket % 32 + 33) << (bucket / 32 - 1)) - 1;
}

void bench_record(bench_result *result, uint64_t nanoseconds) {
  result->operations++;
  result->nanoseconds += nanoseconds;
  if (nanoseconds > result->longest_nanoseconds) result->longest_nanoseconds = nanoseconds;
  result->histogram[bucket_of(nanoseconds)]++;
}

bench_result *bench_result_of(bench_page *page, uint32_t worker) { return &page->results[worker]; }

bench_result *bench_make_result(void) { return calloc(1, sizeof(bench_result)); }

void bench_clear_result(bench_result *result) { memset(result, 0, sizeof *result); }

void bench_add_result(bench_result *sum, const bench_result *part) {
  sum->operations += part->operations;
  sum->nanoseconds += part->nanoseconds;
  sum->syncs += part->syncs;
  sum->bytes_written += part->bytes_written;
  sum->processor_nanoseconds += part->processor_nanoseconds;
  if (part->longest_nanoseconds > sum->longest_nanoseconds) {
    sum->longest_nanoseconds = part->longest_nanoseconds;
  }
  for (uint32_t i = 0; i < BENCH_BUCKETS; i++) sum->histogram[i] += part->histogram[i];
}

uint64_t bench_percentile(const bench_result *result, double share) {
  uint64_t total = 0, seen = 0;
  for (uint32_t i = 0; i < BENCH_BUCKETS; i++) total += result->histogram[i];
  for (uint32_t i = 0; i < BENCH_BUCKETS; i++) {
    seen += result->histogram[i];
    if (seen > 0 && (double)seen >= share * (double)total) {
      uint64_t top = top_of(i);
      return top < result->longest_nanoseconds ? top : result->longest_nanoseconds;
    }
  }
  return 0;
}

__attribute__((noinline)) void bench_counted(void (*body)(void *context), void *context) {
  body(context);
  // Without it the compiler jumps to the body, and nobody sees this function return.
  __asm__ volatile("");
}
