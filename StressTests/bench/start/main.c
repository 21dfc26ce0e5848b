// What `cstate ps` and `cstate inspect NAME` are compared with: a C program that opens the database, prints
// what it holds, or one container, and closes it; with --peer in the peer's way.
#include "CBenchFloor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_list(floor_database *database) {
  floor_list list = floor_all(database);
  printf("CONTAINER ID  NAME  IMAGE  STATUS  CREATED\n");
  for (uint64_t i = 0; i < list.count; i++) {
    printf("%.12s  %s  %s  %" PRId64 "\n", list.rows[i].texts[0], list.rows[i].texts[1],
        list.rows[i].texts[2], list.rows[i].numbers[0]);
  }
  floor_free_list(list);
}

static int print_one(floor_database *database, const char *name) {
  floor_row *row = floor_look_up(database, name);
  if (!row) return 1;
  // Those that every container of the bench has: name, image, details; generation, times, revision.
  for (int i = 0; i < 4; i++) printf("%s\n%" PRId64 "\n", row->texts[i], row->numbers[i]);
  floor_row *specification = floor_specification(database, row->numbers[0]);
  printf("%s\n", specification->texts[0]);
  free(specification);
  free(row);
  return 0;
}

static int ask_peer(const char *path, const char *name) {
  peer_database *database = peer_open(path);
  if (name) {
    char *text = peer_look_up(database, name);
    if (text) printf("%s\n", text);
    free(text);
    peer_close(database);
    return text == NULL;
  }
  peer_list list = peer_all(database);
  for (uint64_t i = 0; i < list.count; i++) printf("%s\n", list.texts[i]);
  peer_free_list(list);
  peer_close(database);
  return 0;
}

int main(int count, char **words) {
  int is_peer = count > 2 && strcmp(words[1], "--peer") == 0;
  if (is_peer) {
    words++;
    count--;
  }
  if (count != 2 && count != 3) {
    fprintf(stderr, "usage: cstate-bench-start [--peer] DATABASE [NAME]\n");
    return 2;
  }
  if (is_peer) return ask_peer(words[1], count == 3 ? words[2] : NULL);
  floor_database *database = floor_open(words[1]);
  int status = 0;
  if (count == 2) {
    print_list(database);
  } else {
    status = print_one(database, words[2]);
  }
  floor_close(database, 0);
  return status;
}
