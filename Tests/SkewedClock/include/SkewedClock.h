#ifndef SKEWEDCLOCK_H
#define SKEWEDCLOCK_H

/// The program that links this has a wall clock that is CSTATE_TEST_CLOCK_OFFSET seconds off, for all of its
/// own code: it defines libc's clock_gettime. The other clocks are as they are.

#endif
