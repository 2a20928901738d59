package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What both sides of a migration do with a QEMU. */
final class Carrier {
  private static final Logger LOG = LoggerFactory.getLogger(Carrier.class);
  private static final Set<String> ENDED = Set.of("none", "completed", "cancelled", "failed");
  private static final int LOOK_MILLIS = 5;

  private Carrier() {}

  static String migration(Monitor monitor) {
    return monitor
        .execute("query-migrate")
        .find("/status")
        .map(status -> status.text(""))
        .orElse("none");
  }

  /** Has a source stop sending, wherever it is; it may also complete. */
  static void stopSending(Monitor monitor, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    while (!ENDED.contains(migration(monitor))) {
      if (System.nanoTime() > end) {
        throw new OperationTimeoutException("cancel the migration", limit);
      }
      monitor.execute("migrate_cancel");
      Pauses.pause("cancel the migration", LOOK_MILLIS);
    }
  }

  /**
   * Breaks the connections over which a source sends, so that neither a QEMU that hangs on them nor its copies of
   * disks are waited for. Does nothing if that cannot be told it.
   */
  static void sever(Monitor monitor, Duration limit) {
    boolean interrupted = Thread.interrupted();
    try {
      if (!monitor.urgent()) {
        return;
      }
      List<QmpResult> hold = monitor.urge("query-yank", Map.of(), limit).list("").stream()
          .filter(Carrier::sends)
          .toList();
      QmpResult unused = monitor.urge("yank", Map.of("instances", hold), limit);
    } catch (N0Exception e) {
      LOG.debug("break off: {}", e.getMessage()); // who cancels next will learn how it stands
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static boolean sends(QmpResult instance) {
    return switch (instance.text("/type")) {
      case "migration" -> true;
      case "block-node" -> instance.text("/node-name").startsWith(Mirrors.PREFIX);
      default -> false;
    };
  }

  /** Says whether a source has sent all and will not run the guest again unless it is told. */
  static boolean handedOver(Monitor monitor) {
    return migration(monitor).equals("completed")
        && !monitor.execute("query-status").flag("/running");
  }

  /** Lets the guest of a QEMU that has received it run. */
  static void letRunAtOnce(Monitor monitor, Duration limit) {
    try {
      monitor.execute("cont");
    } catch (QmpException e) {
      letRun(monitor, limit); // it may do so already, or say why it cannot
    }
  }

  /** Lets the guest run, unless it does or has ended by itself. Idempotent. */
  static void letRun(Monitor monitor, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      String status = monitor.execute("query-status").text("/status");
      switch (status) {
        case "running", "suspended", "shutdown", "guest-panicked", "io-error", "watchdog" -> {
          return;
        }
        // QEMU is about to let it run itself, and refuses to be told.
        case "finish-migrate" -> {}
        default -> monitor.execute("cont");
      }
      if (System.nanoTime() > end) {
        throw new OperationTimeoutException("let the guest run, which is " + status, limit);
      }
      if (status.equals("finish-migrate")) {
        Pauses.pause("let the guest run", LOOK_MILLIS);
      }
    }
  }

  /** Removes what stays in a source that goes on. */
  static void tidy(Monitor monitor) {
    try {
      monitor.execute("migrate-set-parameters", Map.of("tls-creds", "", "tls-hostname", ""));
    } catch (QmpException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          "migration",
          "forget the certificates: " + e.getMessage(),
          e);
    }
    TlsObjects.remove(monitor);
  }
}
