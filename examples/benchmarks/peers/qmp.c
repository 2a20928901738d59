/*
 * A QMP client with nothing in it that could be left out: what QmpClient and the machine driver are measured against.
 *
 *   qmp rate SOCKET     for each number N that it reads, makes N round trips and prints the microseconds they took
 *   qmp running SOCKET  waits until QEMU answers that its guest runs, says so, and ends QEMU
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* QEMU reads requests byte by byte, so the id is as long as those of QmpClient. */
static const char STATUS[] = "{\"execute\":\"query-status\",\"id\":\"abcd123\"}\n";
static const char CAPABILITIES[] = "{\"execute\":\"qmp_capabilities\"}\n";
static const char QUIT[] = "{\"execute\":\"quit\"}\n";
static const double LIMIT = 30e6;

static int monitor;
static char received[1 << 16];
static size_t length;

static double micros(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void fail(const char *what) {
  fprintf(stderr, "qmp: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void send_text(const char *text, size_t size) {
  while (size > 0) {
    ssize_t sent = write(monitor, text, size);
    if (sent < 0) fail("write");
    text += sent;
    size -= sent;
  }
}

/* Moves the next line to the front of the buffer, over the one returned before. */
static const char *next_line(void) {
  static size_t used;
  memmove(received, received + used, length - used);
  length -= used;
  for (size_t scanned = 0;;) {
    char *end = memchr(received + scanned, '\n', length - scanned);
    if (end != NULL) {
      *end = '\0';
      used = end - received + 1;
      return received;
    }
    scanned = length;
    ssize_t got = read(monitor, received + length, sizeof received - length);
    if (got <= 0) fail("read");
    length += got;
  }
}

static const char *reply(void) {
  const char *line;
  do {
    line = next_line();
  } while (strstr(line, "\"event\"") != NULL);
  return line;
}

/* A socket is missing, then refuses, until QEMU has come up. */
static void connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail(path);
  strcpy(address.sun_path, path);
  monitor = socket(AF_UNIX, SOCK_STREAM, 0);
  if (monitor < 0) fail("socket");
  double end = micros() + LIMIT;
  while (connect(monitor, (struct sockaddr *)&address, sizeof address) != 0) {
    if ((errno != ENOENT && errno != ECONNREFUSED) || micros() > end) fail(path);
    usleep(1000);
  }
  next_line(); /* the greeting */
  send_text(CAPABILITIES, sizeof CAPABILITIES - 1);
  reply();
}

static const char *status(void) {
  send_text(STATUS, sizeof STATUS - 1);
  return reply();
}

static void rate(void) {
  long count;
  while (scanf("%ld", &count) == 1) {
    double start = micros();
    for (long i = 0; i < count; i++) status();
    printf("%.0f\n", micros() - start);
    fflush(stdout);
  }
}

static void running(void) {
  double end = micros() + LIMIT;
  while (strstr(status(), "\"running\": true") == NULL) {
    if (micros() > end) fail("the guest does not run");
  }
  puts("running");
  fflush(stdout);
  send_text(QUIT, sizeof QUIT - 1);
  while (read(monitor, received, sizeof received) > 0) {
  }
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: qmp rate|running SOCKET\n");
    return 2;
  }
  connect_to(arguments[2]);
  if (strcmp(arguments[1], "rate") == 0) {
    rate();
  } else {
    running();
  }
  return 0;
}
