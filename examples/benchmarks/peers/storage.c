/*
 * What images cost that are made by nothing but the system calls it takes: what the storage module is measured against.
 *
 * "storage serve FILE" serves the file by HTTP to whoever asks on loopback, after printing the port.
 * Otherwise it reads commands from its input, does each as often as it says, and prints the microseconds that passed and
 * those of CPU:
 *
 *   create COUNT IMAGE DIRECTORY          makes images like IMAGE: the same writes, nothing synced
 *   clone COUNT IMAGE DIRECTORY BASE      the same, after reading the header of BASE
 *   durable COUNT IMAGE DIRECTORY         makes each under another name, syncs it, names it and syncs the directory
 *   cloned COUNT IMAGE DIRECTORY BASE     the same, after reading the header of BASE
 *   batch COUNT IMAGE DIRECTORY           writes all, syncs all, names all, then syncs the directory once
 *   reflink COUNT IMAGE DIRECTORY         has the file system share the blocks of IMAGE
 *
 * The files are DIRECTORY/c0, c1, ...; when the time has been taken they are unlinked, but for those that are durable. One is
 * kept as DIRECTORY/kept0, so that it can be seen what was made.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLUSTER 65536
#define MOST 4096

/* A new image of 64 KiB clusters: header, a cluster with the refcount table, one with the counts, and the L1 table. */
struct image {
  char header[4096];
  size_t header_length;
  char table[8];
  char counts[8];
  off_t size;
};

static struct image image;
static double began, began_cpu, ended, ended_cpu;

static void fail(const char *what) {
  fprintf(stderr, "storage: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double micros(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void begin(void) {
  began = micros(CLOCK_MONOTONIC);
  began_cpu = micros(CLOCK_THREAD_CPUTIME_ID);
}

static void end(void) {
  ended = micros(CLOCK_MONOTONIC);
  ended_cpu = micros(CLOCK_THREAD_CPUTIME_ID);
}

static void load(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) fail(path);
  image.size = status.st_size;
  if (pread(file, image.header, sizeof image.header, 0) != sizeof image.header) fail(path);
  if (pread(file, image.table, sizeof image.table, CLUSTER) != sizeof image.table) fail(path);
  if (pread(file, image.counts, sizeof image.counts, 2 * CLUSTER) != sizeof image.counts) fail(path);
  close(file);
  image.header_length = sizeof image.header;
  while (image.header_length > 0 && image.header[image.header_length - 1] == '\0') image.header_length--;
}

static void put(int file, const void *bytes, size_t length, off_t at) {
  if (pwrite(file, bytes, length, at) != (ssize_t)length) fail("pwrite");
}

static void write_image(int file) {
  static const char last[8];
  put(file, image.table, sizeof image.table, CLUSTER);
  put(file, image.counts, sizeof image.counts, 2 * CLUSTER);
  put(file, last, sizeof last, image.size - sizeof last);
  put(file, image.header, image.header_length, 0);
}

static int create(const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail(path);
  return file;
}

static void read_header(const char *base) {
  char header[512];
  int file = open(base, O_RDONLY | O_CLOEXEC);
  if (file < 0 || pread(file, header, sizeof header, 0) != sizeof header) fail(base);
  close(file);
}

static void name(char *path, const char *directory, const char *prefix, long number) {
  if (snprintf(path, 512, "%s/%s%ld", directory, prefix, number) >= 512) fail(directory);
}

static void sync_directory(const char *directory) {
  int open_directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (open_directory < 0 || fsync(open_directory) != 0) fail(directory);
  close(open_directory);
}

static void publish(const char *from, const char *to) {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) fail(to);
}

static void creates(long count, const char *directory, const char *base) {
  char path[512];
  begin();
  for (long i = 0; i < count; i++) {
    if (base[0] != '\0') read_header(base);
    name(path, directory, "c", i);
    int file = create(path);
    write_image(file);
    close(file);
  }
  end();
}

/* How many durable files there are. None is unlinked: ext4 goes around inodes that were freed a moment ago. */
static long made;

static void durables(long count, const char *directory, const char *base) {
  char path[512], temporary[512];
  begin();
  for (long i = 0; i < count; i++) {
    if (base[0] != '\0') read_header(base);
    name(path, directory, "c", made + i);
    name(temporary, directory, ".c", made + i);
    int file = create(temporary);
    write_image(file);
    if (fdatasync(file) != 0) fail("fdatasync");
    close(file);
    publish(temporary, path);
    sync_directory(directory);
  }
  end();
}

static void batch(long count, const char *directory) {
  static int files[MOST];
  char path[512], temporary[512];
  if (count > MOST) count = MOST;
  begin();
  for (long i = 0; i < count; i++) {
    name(temporary, directory, ".c", made + i);
    files[i] = create(temporary);
    write_image(files[i]);
    if (sync_file_range(files[i], 0, 0, SYNC_FILE_RANGE_WRITE) != 0) fail("sync_file_range");
  }
  for (long i = 0; i < count; i++) {
    if (fdatasync(files[i]) != 0) fail("fdatasync");
    close(files[i]);
  }
  for (long i = 0; i < count; i++) {
    name(path, directory, "c", made + i);
    name(temporary, directory, ".c", made + i);
    publish(temporary, path);
  }
  sync_directory(directory);
  end();
}

static void reflinks(long count, const char *source, const char *directory) {
  char path[512];
  begin();
  for (long i = 0; i < count; i++) {
    name(path, directory, "c", i);
    int from = open(source, O_RDONLY | O_CLOEXEC), to = create(path);
    if (from < 0 || ioctl(to, FICLONE, from) != 0) fail("FICLONE");
    close(from);
    close(to);
  }
  end();
}

static void unlink_all(long count, const char *directory) {
  char path[512];
  for (long i = 0; i < count; i++) {
    name(path, directory, "c", i);
    if (unlink(path) != 0) fail(path);
  }
}

static void answer(int client, int file, off_t size) {
  char request[65536], header[256];
  size_t length = 0;
  while (length == 0 || memmem(request, length, "\r\n\r\n", 4) == NULL) {
    ssize_t got = read(client, request + length, sizeof request - length);
    if (got <= 0) return;
    length += got;
  }
  int headers = snprintf(header, sizeof header,
      "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n",
      (long long)size);
  if (write(client, header, headers) != headers) return;
  for (off_t at = 0; at < size;) {
    if (sendfile(client, file, &at, size - at) <= 0) return;
  }
  shutdown(client, SHUT_WR);
  while (read(client, request, sizeof request) > 0) {}
}

/* One after another: those who are compared take turns. */
static void serve(const char *path) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0 || fstat(file, &status) != 0) fail(path);
  if (bind(server, (struct sockaddr *)&address, length) != 0 || listen(server, 16) != 0
      || getsockname(server, (struct sockaddr *)&address, &length) != 0) fail("listen");
  signal(SIGPIPE, SIG_IGN);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) fail("accept");
    answer(client, file, status.st_size);
    close(client);
  }
}

int main(int arguments, char **argument) {
  char line[2048], verb[16], source[512], directory[512], base[512];
  long count;
  if (arguments == 3 && strcmp(argument[1], "serve") == 0) serve(argument[2]);
  while (fgets(line, sizeof line, stdin) != NULL) {
    base[0] = '\0';
    if (sscanf(line, "%15s %ld %511s %511s %511s", verb, &count, source, directory, base) < 4) fail(line);
    if (strcmp(verb, "reflink") == 0) {
      reflinks(count, source, directory);
    } else {
      load(source);
      if (strcmp(verb, "create") == 0 || strcmp(verb, "clone") == 0) creates(count, directory, base);
      else if (strcmp(verb, "durable") == 0 || strcmp(verb, "cloned") == 0) durables(count, directory, base);
      else if (strcmp(verb, "batch") == 0) batch(count, directory);
      else fail(line);
    }
    int durable = strcmp(verb, "durable") == 0 || strcmp(verb, "cloned") == 0 || strcmp(verb, "batch") == 0;
    char first[512], kept[512], linked[512];
    name(first, directory, "c", durable ? made : 0);
    name(kept, directory, "kept", 0);
    name(linked, directory, ".kept", 0);
    if (link(first, linked) != 0 || rename(linked, kept) != 0) fail(kept);
    unlink(linked); /* rename does nothing to two names of one file */
    if (durable) made += count;
    else unlink_all(count, directory);
    /* For good: else whoever syncs next does it for this side. */
    sync_directory(directory);
    printf("%.1f %.1f\n", ended - began, ended_cpu - began_cpu);
    fflush(stdout);
  }
  return 0;
}
