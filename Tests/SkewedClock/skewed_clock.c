#define _GNU_SOURCE
#include "SkewedClock.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) {
    const char *offset = getenv("CSTATE_TEST_CLOCK_OFFSET");
    if (offset != NULL) time->tv_sec += atol(offset);
  }
  return result;
}
