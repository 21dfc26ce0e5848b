// What `cstate ps` is compared with: a C program that opens the database, lists it and closes it.
#include "CBenchFloor.h"

#include <inttypes.h>
#include <stdio.h>

int main(int count, char **words) {
  if (count != 2) {
    fprintf(stderr, "usage: cstate-bench-start DATABASE\n");
    return 2;
  }
  floor_database *database = floor_open(words[1], FLOOR_WAL);
  floor_list list = floor_all(database);
  printf("CONTAINER ID  NAME  IMAGE  STATUS  CREATED\n");
  for (uint64_t i = 0; i < list.count; i++) {
    printf("%.12s  %s  %s  %" PRId64 "\n", list.rows[i].texts[0], list.rows[i].texts[1],
        list.rows[i].texts[2], list.rows[i].numbers[0]);
  }
  floor_free_list(list);
  floor_close(database, 0);
  return 0;
}
