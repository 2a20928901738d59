package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Freezes a guest's file systems and thaws them. A mark is durable before the guest is frozen and until it is
 * thawed, so that a guest is not left frozen by an agent that dies.
 */
final class Freezer {
  private static final Logger LOG = LoggerFactory.getLogger(Freezer.class);
  private static final Duration FIND = Duration.ofSeconds(1);
  private static final Duration FREEZE = Duration.ofSeconds(20);

  private Freezer() {}

  /** Returns whether it is frozen: only with an agent that answers and agrees. */
  static boolean freeze(ResourceId id, Run run, SnapshotRecords records) {
    Optional<GuestAgent> found = GuestAgents.find(run, FIND, FREEZE);
    if (found.isEmpty()) {
      return false;
    }
    try (GuestAgent guest = found.get()) {
      records.markFrozen();
      long count = guest.fileSystems().freeze();
      LOG.debug("{}: {} file systems are frozen", id, count);
      return true;
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      LOG.warn("{}: it is not frozen for the snapshot: {}", id, e.getMessage());
      thaw(id, run, records);
      return false;
    }
  }

  /** Thaws; also on a thread that was interrupted. The mark stays if the agent does not answer. */
  static void thaw(ResourceId id, Run run, SnapshotRecords records) {
    boolean interrupted = Thread.interrupted();
    try {
      if (run.alive().isEmpty() || thawed(id, run)) {
        records.markThawed();
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static boolean thawed(ResourceId id, Run run) {
    Optional<GuestAgent> found = GuestAgents.find(run, FREEZE, FREEZE);
    if (found.isEmpty()) {
      LOG.warn("{}: it may be frozen, and its agent does not answer", id);
      return false;
    }
    try (GuestAgent guest = found.get()) {
      long count = guest.fileSystems().thaw();
      LOG.debug("{}: {} file systems are thawed", id, count);
      return true;
    } catch (N0Exception e) {
      LOG.warn("{}: it may be frozen: {}", id, e.getMessage());
      return false;
    }
  }
}
