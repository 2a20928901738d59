package io.n0stack.n0core.kvm.qapi;

import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.kvm.internal.host.AcceleratorProbe;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** A real QEMU with one monitor, and what it has reported. */
final class Qemu implements AutoCloseable {
  static final Duration LIMIT = Duration.ofSeconds(30);
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final Process process;
  private final QmpClient client;
  private final Qapi qapi;
  private final ExecutorService executor = Executors.newSingleThreadExecutor();
  private final List<Event> events = new CopyOnWriteArrayList<>();
  private final Subscription subscription;

  private Qemu(Process process, Path socket) {
    this.process = process;
    // There is a socket before anybody listens at it.
    client = await()
        .atMost(LIMIT)
        .ignoreExceptionsMatching(e -> process.isAlive()
            && e instanceof N0Exception refused
            && refused.code() == N0Exception.Code.UNAVAILABLE)
        .until(() -> QmpClient.connect(socket, LIMIT), connected -> true);
    qapi = Qapi.of(client, LIMIT);
    subscription = qapi.subscribe(executor, new EventListener() {
      @Override
      public void event(Event event) {
        events.add(event);
      }

      @Override
      public void lost(long count) {
        throw new AssertionError(count + " lost");
      }
    });
  }

  static Qemu start(Path directory, String... arguments) throws IOException {
    Path socket = directory.resolve("qmp" + COUNT.incrementAndGet());
    List<String> command = new ArrayList<>(List.of(
        "qemu-system-x86_64",
        "-display",
        "none",
        "-nodefaults",
        "-S",
        "-accel",
        "tcg",
        "-m",
        "16M",
        "-qmp",
        "unix:" + socket + ",server=on,wait=off"));
    command.addAll(Arrays.asList(arguments));
    Process process = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("log" + COUNT.get()).toFile())
        .start();
    boolean ready = false;
    try {
      Qemu qemu = new Qemu(process, socket);
      ready = true;
      return qemu;
    } catch (N0Exception e) {
      throw new IOException(Files.readString(directory.resolve("log" + COUNT.get())), e);
    } finally {
      if (!ready) {
        process.destroyForcibly();
      }
    }
  }

  /** Writes the guest that only says that it runs. */
  static Path nano(Path directory) throws IOException {
    Path rom = directory.resolve("nano.rom");
    if (!Files.exists(rom)) {
      try (InputStream in = AcceleratorProbe.class.getResourceAsStream("nano.rom")) {
        Files.copy(Objects.requireNonNull(in), rom);
      }
    }
    return rom;
  }

  QmpClient client() {
    return client;
  }

  Qapi qapi() {
    return qapi;
  }

  Process process() {
    return process;
  }

  <E extends Event> List<E> heard(Class<E> type) {
    return events.stream().filter(type::isInstance).map(type::cast).toList();
  }

  <E extends Event> E await1(Class<E> type) {
    await().atMost(LIMIT).until(() -> !heard(type).isEmpty());
    return heard(type).get(0);
  }

  /** Waits for a job's end, forgets it and returns how it was. */
  JobInfo ended(String id) {
    await()
        .atMost(LIMIT)
        .until(() -> qapi.job().find(id).orElseThrow().status().is(JobStatus.CONCLUDED));
    JobInfo job = qapi.job().find(id).orElseThrow();
    qapi.job().dismiss(id);
    return job;
  }

  @Override
  public void close() {
    subscription.close();
    client.close();
    process.destroyForcibly();
    boolean interrupted = false;
    while (process.isAlive()) {
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    executor.shutdown();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
