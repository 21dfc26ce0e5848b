#ifndef CBENCHFLOOR_H
#define CBENCHFLOOR_H

#include "bench_shared.h"
#include "bench_system_calls.h"
#include "floor_database.h"
#include "floor_files.h"
#include "floor_model.h"
#include "peer_database.h"

#endif
