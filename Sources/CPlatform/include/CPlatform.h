#ifndef CPLATFORM_H
#define CPLATFORM_H

#include "platform_files.h"
#include "platform_locks.h"
#include "platform_namespace.h"
#include "platform_process.h"
#include "platform_watch.h"

#endif
