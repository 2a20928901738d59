package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Takes devices out of a machine. The guest has to release them; whoever comes later, in this process or
 * another, goes on where this one stopped.
 */
final class Unplugger {
  private static final Duration LOOK = Duration.ofMillis(50);
  private static final Duration FREED = Duration.ofSeconds(5);
  // A guest that was still booting may have missed the request.
  private static final Duration ASK_AGAIN = Duration.ofSeconds(30);

  private final Context cx;
  private final Monitor monitor;
  private final Found found;
  private final Unplugged requests;
  private final Cdroms cdroms;
  private final Revocation revocation;
  private final long end;

  /** Takes out what is given to {@link #remove}, waiting so long for all of it together. */
  Unplugger(Context cx, Monitor monitor, Run run, Revocation revocation, Duration patience) {
    this.cx = cx;
    this.monitor = monitor;
    found = new Found(monitor);
    requests = new Unplugged(run);
    cdroms = new Cdroms(cx, monitor, run, revocation, patience);
    this.revocation = revocation;
    end = System.nanoTime() + Limits.least(patience, cx.remaining()).toNanos();
  }

  /**
   * Takes out a device and what is behind it, and takes back what QEMU's user was allowed of it.
   *
   * @return false if the guest has not released it yet
   */
  boolean remove(String id) {
    if (found.device(id) && !released(id)) {
      return false;
    }
    free(id);
    // Remembered until this is done, also if it is another process that does it.
    requests.find(id).ifPresent(request -> revocation.of(request.files()));
    requests.forget(id);
    return true;
  }

  /** Frees what is behind a device that the guest has released, and that is wanted again. */
  void putAway(String id) {
    free(id);
    requests.forget(id);
  }

  private void free(String id) {
    if (id.startsWith("disk-")) {
      freeDisk(id);
    } else if (id.startsWith("cd-")) {
      cdroms.free(id, requests.find(id).map(Unplugged.Request::nodes).orElse(List.of()));
    } else {
      ignoringAbsence("netdev_del", Map.of("id", Plug.netdevId(id)));
    }
  }

  /** Says whether the guest was asked to release a device that was not put away since. */
  boolean asked(String id) {
    return requests.find(id).isPresent();
  }

  private boolean released(String id) {
    Found.Chain chain =
        id.startsWith("nic-") ? new Found.Chain(List.of(), List.of()) : found.chainOf(id);
    List<String> nodes = chain.nodes();
    Optional<Unplugged.Request> before = requests.find(id);
    if (before.isPresent() && !before.get().olderThan(ASK_AGAIN)) {
      // Its disk may have been given another active layer since.
      if (!nodes.isEmpty() && !nodes.equals(before.get().nodes())) {
        requests.note(id, new Unplugged.Request(before.get().at(), nodes, chain.files()));
      }
      return !found.device(id);
    }
    requests.note(id, new Unplugged.Request(Instant.EPOCH, nodes, chain.files()));
    try (Releases releases = new Releases(monitor)) {
      ignoringAbsence("device_del", Map.of("id", id));
      requests.note(id, new Unplugged.Request(Instant.now(), nodes, chain.files()));
      return gone(id, releases);
    }
  }

  private boolean gone(String id, Releases releases) {
    MachineState state = monitor.state();
    if (state == MachineState.PREPARED && found.device(id)) {
      monitor.execute("system_reset"); // there is no guest yet that could be asked
    }
    // Until it is resumed a guest that is paused releases nothing.
    boolean able = state == MachineState.RUNNING || state == MachineState.PREPARED;
    while (found.device(id)) {
      if (releases.refused(id)) {
        requests.forget(id);
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            id,
            "unplug " + id + ": the guest refuses to release it");
      }
      long left = end - System.nanoTime();
      if (left <= 0 || !able) {
        return false;
      }
      cx.progress(0, "waiting for the guest to release " + id);
      releases.await("unplug " + id, Limits.least(LOOK, Duration.ofNanos(left)));
    }
    return true;
  }

  private void freeDisk(String id) {
    String volume = id.substring("disk-".length());
    String own = Plug.nodeName(volume);
    List<String> noted = requests.find(id).map(Unplugged.Request::nodes).orElse(List.of());
    Set<String> names = new LinkedHashSet<>(noted);
    names.add(own);
    Set<String> present = found.nodes().keySet();
    for (String node : names) {
      if (present.contains(node) && !freed(id, node)) {
        boolean layer = !node.equals(own) && !node.equals(noted.get(0));
        if (!layer) { // a lower layer may be another disk's as well
          throw new N0Exception(
              N0Exception.Code.BUSY, id, "unplug " + id + ": its node " + node + " is in use");
        }
      }
    }
    if (found.objects().contains(Plug.secretId(volume))) {
      monitor.execute("object-del", Map.of("id", Plug.secretId(volume)));
    }
  }

  /** A device lets go of its node a moment after it is gone from the tree. */
  private boolean freed(String id, String node) {
    return Pauses.until("unplug " + id, Limits.least(FREED, cx.remaining()), () -> {
      try {
        monitor.execute("blockdev-del", Map.of("node-name", node));
        return true;
      } catch (QmpException e) {
        return !found.nodes().containsKey(node);
      }
    });
  }

  private void ignoringAbsence(String command, Map<String, ?> arguments) {
    try {
      monitor.execute(command, arguments);
    } catch (QmpException e) {
      if (e.code() != N0Exception.Code.NOT_FOUND) {
        throw e;
      }
    }
  }
}
