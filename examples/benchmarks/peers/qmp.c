/*
 * A QMP client with nothing in it that could be left out: what QmpClient and the machine driver are measured against.
 *
 *   qmp serve SOCKET    does each command that it reads and prints the microseconds that took, and their median:
 *                         depth1 N  makes N round trips, depth8 N keeps 8 requests on their way, schema N reads the
 *                         schema N times
 *   qmp running SOCKET  waits until QEMU answers that its guest runs, says so, and ends QEMU
 *   qmp poll SOCKET...  stays connected to all; for each N that it reads asks each N times what statistics are made of,
 *                       and prints the microseconds that took, and those of CPU
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* QEMU reads requests byte by byte, so the id is as long as those of QmpClient. */
static const char STATUS[] = "{\"execute\":\"query-status\",\"id\":\"abc12\"}\n";
static const char SCHEMA[] = "{\"execute\":\"query-qmp-schema\",\"id\":\"abc12\"}\n";
static const char CAPABILITIES[] = "{\"execute\":\"qmp_capabilities\"}\n";
static const char OUT_OF_BAND[] = "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}\n";
static const char *const STATISTICS[] = {
    "{\"execute\":\"query-cpus-fast\",\"id\":\"abc12\"}\n",
    "{\"execute\":\"query-blockstats\",\"id\":\"abc12\"}\n",
    "{\"execute\":\"query-balloon\",\"id\":\"abc12\"}\n",
    "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine/peripheral/balloon0\",\"property\":\"guest-stats\"},"
    "\"id\":\"abc12\"}\n",
    "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"/machine/peripheral/balloon0\","
    "\"property\":\"guest-stats-polling-interval\",\"value\":10},\"id\":\"abc12\"}\n",
};
static const char QUIT[] = "{\"execute\":\"quit\"}\n";
static const double LIMIT = 30e6;

static int monitor;
static char received[1 << 20];
static size_t length;
static size_t used;

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
static void connect_to(const char *path, int out_of_band) {
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
  if (out_of_band) {
    send_text(OUT_OF_BAND, sizeof OUT_OF_BAND - 1);
  } else {
    send_text(CAPABILITIES, sizeof CAPABILITIES - 1);
  }
  reply();
}

static const char *status(void) {
  send_text(STATUS, sizeof STATUS - 1);
  return reply();
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void depth1(double *took, long count) {
  for (long i = 0; i < count; i++) {
    double start = micros();
    status();
    took[i] = micros() - start;
  }
}

static void depth8(double *took, long count) {
  double sent[8];
  for (long asked = 0, answered = 0; answered < count;) {
    while (asked < count && asked - answered < 8) {
      sent[asked++ % 8] = micros();
      send_text(STATUS, sizeof STATUS - 1);
    }
    reply();
    took[answered] = micros() - sent[answered % 8];
    answered++;
  }
}

static void schema(double *took, long count) {
  for (long i = 0; i < count; i++) {
    double start = micros();
    send_text(SCHEMA, sizeof SCHEMA - 1);
    next_line(); /* not reply(): looking for events takes longer than reading */
    took[i] = micros() - start;
  }
}

static void serve(void) {
  static double took[1 << 16];
  char command[16];
  long count;
  while (scanf("%15s %ld", command, &count) == 2) {
    if (count < 1 || count > 1 << 16) fail("count");
    double start = micros();
    if (strcmp(command, "depth1") == 0) {
      depth1(took, count);
    } else if (strcmp(command, "depth8") == 0) {
      depth8(took, count);
    } else {
      schema(took, count);
    }
    double all = micros() - start;
    qsort(took, count, sizeof *took, ascending);
    printf("%.1f %.1f\n", all, took[count / 2]);
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

static double cpu_micros(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* One buffer will do: a monitor that has answered and has nothing to report has sent all. */
static void poll_all(int machines, char **sockets) {
  int *monitors = calloc(machines, sizeof *monitors);
  for (int i = 0; i < machines; i++) {
    length = used = 0;
    connect_to(sockets[i], 0);
    monitors[i] = monitor;
  }
  char command[16];
  long count;
  while (scanf("%15s %ld", command, &count) == 2) {
    double start = micros(), cpu = cpu_micros();
    for (long round = 0; round < count; round++) {
      for (int i = 0; i < machines; i++) {
        monitor = monitors[i];
        length = used = 0;
        for (size_t each = 0; each < sizeof STATISTICS / sizeof STATISTICS[0]; each++) {
          send_text(STATISTICS[each], strlen(STATISTICS[each]));
          if (strstr(reply(), "\"error\"") != NULL) fail(received);
        }
      }
    }
    printf("%.1f %.1f\n", micros() - start, cpu_micros() - cpu);
    fflush(stdout);
  }
}

int main(int count, char **arguments) {
  if (count > 2 && strcmp(arguments[1], "poll") == 0) {
    poll_all(count - 2, arguments + 2);
    return 0;
  }
  if (count != 3) {
    fprintf(stderr, "usage: qmp serve|running SOCKET, qmp poll SOCKET...\n");
    return 2;
  }
  connect_to(arguments[2], strcmp(arguments[1], "serve-oob") == 0);
  if (strncmp(arguments[1], "serve", 5) == 0) {
    serve();
  } else {
    running();
  }
  return 0;
}
