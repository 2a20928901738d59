/*
 * What saving a record costs that is done by nothing but the system calls it takes: what the node registry is measured
 * against. "registry COUNT DIRECTORY BYTES" replaces COUNT records, one after the other, each so that it is durable: writes
 * a temporary file, syncs it, renames it, syncs the directory. Prints the microseconds that passed and those of CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "registry: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double micros(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: registry COUNT DIRECTORY BYTES\n");
    return 2;
  }
  long count = atol(argv[1]);
  size_t bytes = (size_t)atol(argv[3]);
  char *record = malloc(bytes);
  if (record == NULL || chdir(argv[2]) != 0) fail(argv[2]);
  memset(record, 'x', bytes);
  int directory = open(".", O_RDONLY | O_CLOEXEC); // held, as the store holds it
  if (directory < 0) fail(argv[2]);
  double began = micros(CLOCK_MONOTONIC);
  double began_cpu = micros(CLOCK_THREAD_CPUTIME_ID);
  for (long i = 0; i < count; i++) {
    char name[64], temporary[64];
    snprintf(name, sizeof name, "node.node-%ld", i);
    snprintf(temporary, sizeof temporary, ".tmp-%s", name);
    int file = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0 || write(file, record, bytes) != (ssize_t)bytes || fsync(file) != 0 || close(file) != 0) fail(temporary);
    if (rename(temporary, name) != 0) fail(name);
    if (fsync(directory) != 0) fail(argv[2]);
  }
  printf("%.1f %.1f\n", micros(CLOCK_MONOTONIC) - began, micros(CLOCK_THREAD_CPUTIME_ID) - began_cpu);
  free(record);
  return 0;
}
