#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static faults_plan plan;
static _Atomic bool is_armed;
static _Atomic uint64_t counted;
static _Atomic uint64_t fired;
static const char *_Atomic last = "";
static _Thread_local bool is_spared;

void faults_arm(const faults_plan *wanted) {
  atomic_store(&is_armed, false);
  plan = *wanted;
  atomic_store(&counted, 0);
  atomic_store(&fired, 0);
  atomic_store(&last, "");
  atomic_store(&is_armed, true);
}

void faults_disarm(void) { atomic_store(&is_armed, false); }

bool faults_spare(bool wanted) {
  bool before = is_spared;
  is_spared = wanted;
  return before;
}

uint64_t faults_counted(void) { return atomic_load(&counted); }

uint64_t faults_fired(void) { return atomic_load(&fired); }

const char *faults_last(void) { return atomic_load(&last); }

int faults_are_possible(void) {
#ifdef FAULTS_INTERPOSE
  return 1;
#else
  return 0;
#endif
}

_Noreturn void faults_die(void) {
  for (;;) (void)kill(getpid(), SIGKILL);
}

/// The kinds that a mode can treat.
static uint64_t kinds_for(uint32_t mode) {
  switch (mode) {
    case FAULTS_SHORT: return FAULTS_READ | FAULTS_WRITE;
    case FAULTS_TEAR: return FAULTS_WRITE;
    default: return UINT64_MAX;
  }
}

static bool is_turn(uint64_t number) {
  if (number < plan.nth) return false;
  uint64_t after = number - plan.nth;
  return after == 0 || (plan.forever != 0 && after % plan.forever == 0);
}

static void sleep_for(uint32_t microseconds) {
  struct timespec left = {.tv_sec = microseconds / 1000000u, .tv_nsec = microseconds % 1000000u * 1000L};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

static enum faults_verdict treatment(bool is_first) {
  switch (plan.mode) {
    case FAULTS_SHORT:
      if (is_first || plan.error == 0) return FAULTS_DO_HALF;
      errno = plan.error;
      return FAULTS_GIVE_UP;
    case FAULTS_KILL: faults_die();
    case FAULTS_TEAR: return FAULTS_DO_HALF_AND_DIE;
    case FAULTS_KILL_AFTER: return FAULTS_DO_AND_DIE;
    case FAULTS_STOP:
      // This thread, so that it goes no further while another one takes the signal.
      (void)raise(SIGSTOP);
      return FAULTS_GO_ON;
    case FAULTS_DELAY:
      sleep_for(plan.delay_us);
      return FAULTS_GO_ON;
    default:
      errno = plan.error;
      return FAULTS_GIVE_UP;
  }
}

enum faults_verdict faults_meet(uint64_t kind, const char *name) {
  if (!atomic_load_explicit(&is_armed, memory_order_acquire) || is_spared) return FAULTS_GO_ON;
  if ((kind & plan.calls & kinds_for(plan.mode)) == 0) return FAULTS_GO_ON;
  int before = errno;
  uint64_t number = atomic_fetch_add(&counted, 1) + 1;
  if (!is_turn(number)) return FAULTS_GO_ON;
  atomic_fetch_add(&fired, 1);
  if (plan.hits != NULL) __atomic_fetch_add(plan.hits, 1, __ATOMIC_RELAXED);
  atomic_store(&last, name);
  enum faults_verdict verdict = treatment(number == plan.nth);
  // A call that succeeds leaves errno alone.
  if (verdict != FAULTS_GIVE_UP) errno = before;
  return verdict;
}
