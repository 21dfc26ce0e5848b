#ifndef FAULTS_H
#define FAULTS_H

#include "include/CFaults.h"

#include <stdbool.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if !__has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define FAULTS_INTERPOSE 1
#endif

/// What the caller has to do.
enum faults_verdict {
  FAULTS_GO_ON,
  FAULTS_GIVE_UP,
  FAULTS_DO_HALF,
  FAULTS_DO_HALF_AND_DIE,
  FAULTS_DO_AND_DIE,
};

/// Counts one call, and treats it if it is its turn. For FAULTS_GIVE_UP errno is set.
enum faults_verdict faults_meet(uint64_t kind, const char *name);

/// Ends this process as SIGKILL by anybody else would.
_Noreturn void faults_die(void);

#endif
