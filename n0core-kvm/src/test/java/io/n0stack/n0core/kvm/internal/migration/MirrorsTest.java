package io.n0stack.n0core.kvm.internal.migration;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.ScriptedMonitor;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs that take a while to end, of which a real QEMU may or may not tell in time. */
class MirrorsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Pattern DEVICE = Pattern.compile("\"device\":\"([^\"]*)\"");
  private static final long WORK_MILLIS = 500;
  private static final long LOOK_MILLIS = 50;
  private static final int FEW = 10;

  @TempDir
  Path directory;

  private final Map<String, String> jobs =
      new ConcurrentHashMap<>(Map.of("mirror-0", "ready", "mirror-1", "ready", "backup", "ready"));
  private final AtomicInteger looks = new AtomicInteger();
  private final ScheduledExecutorService work = Executors.newSingleThreadScheduledExecutor();

  @AfterEach
  void stop() {
    work.shutdownNow();
  }

  @Test
  void endOfTheJobsIsHeardOf() throws Exception {
    long begin = System.nanoTime();
    finish("concluded", true);
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);

    assertThat(jobs)
        .containsEntry("mirror-0", "concluded")
        .containsEntry("mirror-1", "concluded")
        .containsEntry("backup", "ready");
    // The work may take longer on a busy host, and is looked at meanwhile.
    assertThat((long) looks.get()).as("looks").isBetween(2L, FEW + millis / LOOK_MILLIS);
  }

  @Test
  void endOfTheJobsIsSeenWhereNothingIsHeardOfIt() throws Exception {
    finish("concluded", false);

    assertThat(jobs).containsEntry("mirror-0", "concluded").containsEntry("mirror-1", "concluded");
  }

  @Test
  void jobThatIsAbortedIsAFailure() {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> finish("aborting", true))
        .withMessageContaining("aborting");
  }

  private void finish(String end, boolean told) throws Exception {
    Run run = new Run(UUID.randomUUID(), directory);
    AtomicReference<ScriptedMonitor> qemu = new AtomicReference<>();
    try (ScriptedMonitor scripted = new ScriptedMonitor(run.monitor(), (command, line) -> {
      Matcher device = DEVICE.matcher(line);
      if (command.equals("block-job-cancel") && device.find()) {
        String job = device.group(1);
        Future<?> unused = work.schedule(
            () -> become(requireNonNull(qemu.get()), job, end, told),
            WORK_MILLIS,
            TimeUnit.MILLISECONDS);
      }
      return answer(command);
    })) {
      qemu.set(scripted);
      try (Monitors monitors = new Monitors();
          Monitor monitor =
              monitors.toChange("web1", run, new Limits(LIMIT, LIMIT, LIMIT, LIMIT))) {
        new Mirrors("web1", monitor).finish(LIMIT);
      }
    }
  }

  private void become(ScriptedMonitor qemu, String job, String status, boolean told) {
    jobs.put(job, status);
    if (told) {
      qemu.tell("JOB_STATUS_CHANGE", "{\"id\":\"" + job + "\",\"status\":\"" + status + "\"}");
    }
  }

  private String answer(String command) {
    if (!command.equals("query-jobs")) {
      return "{}";
    }
    looks.incrementAndGet();
    return jobs.entrySet().stream()
        .map(job -> "{\"id\":\"" + job.getKey() + "\",\"type\":\"mirror\",\"status\":\""
            + job.getValue() + "\",\"current-progress\":1,\"total-progress\":1}")
        .collect(Collectors.joining(",", "[", "]"));
  }
}
