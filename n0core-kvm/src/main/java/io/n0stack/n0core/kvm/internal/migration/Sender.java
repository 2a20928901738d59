package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationOptions.Convergence;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Has a source's QEMU send its guest, and follows it. */
final class Sender implements AutoCloseable, QmpListener {
  static final String COMPLETED = "completed";
  static final String PAUSED = "pre-switchover";
  private static final Set<String> OVER = Set.of("failed", "cancelled", "none");
  private static final String CONNECTION = "n0core-move";
  private static final int LOOK_MILLIS = 250; // each look takes time of what it looks at
  private static final long UNLIMITED = 1L << 40;

  private final ResourceId id;
  private final Monitor monitor;
  private final Duration mostSilence;
  private final BlockingQueue<String> hints = new LinkedBlockingQueue<>();
  private final Subscription subscription;
  private volatile long stoppedAt;

  Sender(ResourceId id, Monitor monitor, Duration mostSilence) {
    this.id = id;
    this.monitor = monitor;
    this.mostSilence = mostSilence;
    // Neither method waits for anything; another thread to call them would only cost time.
    subscription = monitor.subscribe(Runnable::run, this);
  }

  @Override
  public void event(QmpEvent event) {
    if (event.name().equals("STOP")) {
      stoppedAt = System.nanoTime();
    } else if (event.name().equals("MIGRATION")) {
      hints.add(event.data().text("/status"));
    }
  }

  @Override
  public void lost(long count) {
    hints.add("");
  }

  /** Returns when the guest stopped, or a default if that was not heard of. */
  long stoppedAt(long otherwise) {
    return stoppedAt == 0 ? otherwise : stoppedAt;
  }

  void setUp(MigrationOptions options, MigrationAddress to, boolean pause) {
    Map<String, Boolean> capabilities = Map.of(
        "events",
        true,
        "return-path",
        true,
        "auto-converge",
        options.convergence() == Convergence.SLOW_DOWN,
        "pause-before-switchover",
        pause);
    monitor.execute("migrate-set-capabilities", Map.of("capabilities", list(capabilities)));
    Map<String, Object> parameters = new HashMap<>();
    parameters.put("max-bandwidth", options.mostBytesPerSecond().orElse(UNLIMITED));
    parameters.put("downtime-limit", options.mostDowntime().toMillis());
    options.tls().ifPresent(tls -> TlsObjects.create(monitor, tls, "client"));
    parameters.put("tls-creds", options.tls().isPresent() ? TlsObjects.CREDENTIALS : "");
    parameters.put(
        "tls-hostname", options.tls().map(tls -> TlsObjects.host(tls, to)).orElse(""));
    monitor.execute("migrate-set-parameters", parameters);
  }

  static List<Map<String, Object>> list(Map<String, Boolean> capabilities) {
    return capabilities.entrySet().stream()
        .map(each -> Map.<String, Object>of("capability", each.getKey(), "state", each.getValue()))
        .toList();
  }

  /** Begins to send, once there is a connection from the process's network. */
  void send(Context cx, MigrationAddress to, long process) {
    hints.clear();
    if (to instanceof MigrationAddress.Tcp tcp) {
      try (Dialed dialed = Dialed.dial(cx, tcp, process, mostSilence)) {
        dialed.lend(monitor, CONNECTION, () -> migrate("fd:" + CONNECTION));
      }
    } else {
      migrate(uri(to));
    }
  }

  private void migrate(String uri) {
    monitor.execute("migrate", Map.of("uri", uri));
  }

  static String uri(MigrationAddress address) {
    if (address instanceof MigrationAddress.Tcp tcp) {
      return "tcp:" + bracketed(tcp.host()) + ":" + tcp.port();
    } else if (address instanceof MigrationAddress.Unix unix) {
      return "unix:" + unix.path();
    }
    throw new IllegalArgumentException("address " + address);
  }

  static String bracketed(String host) {
    return host.contains(":") ? "[" + host + "]" : host;
  }

  /** Lets a guest that stands still before the switchover go over. */
  void switchOver() {
    monitor.execute("migrate-continue", Map.of("state", PAUSED));
  }

  /**
   * Waits for a status.
   *
   * @throws N0Exception UNAVAILABLE if sending failed or nothing has moved for too long; CANCELLED or UNAVAILABLE as
   *     the context says
   */
  void await(Context cx, String status) {
    Pulse pulse = new Pulse(id.toString(), "send " + id, mostSilence);
    while (true) {
      String heard = next();
      if (heard.equals(status)) {
        return; // QEMU tells of a status when it has it, and the guest may stand still meanwhile
      }
      if (!heard.isEmpty() && !OVER.contains(heard)) {
        continue;
      }
      QmpResult now = pulse.ask(monitor, "query-migrate", cx.remaining());
      String seen = now.find("/status").map(found -> found.text("")).orElse("none");
      if (seen.equals(status)) {
        return;
      }
      if (OVER.contains(seen)) {
        throw new N0Exception(
            N0Exception.Code.UNAVAILABLE,
            id.toString(),
            "send " + id + ": it " + seen
                + now.find("/error-desc").map(why -> ": " + why.text("")).orElse(""));
      }
      report(cx, now);
      pulse.seen(movement(seen, now));
    }
  }

  private static List<Object> movement(String status, QmpResult now) {
    return List.of(
        status,
        now.find("/ram/transferred").map(n -> n.number("")).orElse(0L),
        now.find("/ram/remaining").map(n -> n.number("")).orElse(0L),
        now.find("/ram/dirty-sync-count").map(n -> n.number("")).orElse(0L));
  }

  /** Returns how much of the memory was sent. */
  long sent() {
    return monitor
        .execute("query-migrate")
        .find("/ram/transferred")
        .map(count -> count.number(""))
        .orElse(0L);
  }

  private String next() {
    try {
      String heard = hints.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
      return heard == null ? "" : heard;
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("send " + id, e);
    }
  }

  private static void report(Context cx, QmpResult now) {
    long total = now.find("/ram/total").map(n -> n.number("")).orElse(1L);
    long rest = now.find("/ram/remaining").map(n -> n.number("")).orElse(total);
    long passes = now.find("/ram/dirty-sync-count").map(n -> n.number("")).orElse(0L);
    cx.progress(
        Math.max(0, Math.min(1, 1 - (double) rest / Math.max(1, total))),
        String.format(
            Locale.ROOT,
            "sending the memory, pass %d: %d of %d MiB left",
            passes,
            rest >> 20,
            total >> 20));
  }

  @Override
  public void close() {
    subscription.close();
  }
}
