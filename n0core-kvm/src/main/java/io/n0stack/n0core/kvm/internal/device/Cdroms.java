package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.kvm.internal.monitor.BlockDevices;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Changes the media of CD-ROM drives. A guest that has locked the tray has to open it; whoever comes later, in this
 * process or another, goes on where this one stopped. All drives are emptied before any is filled, so that media
 * can change places.
 */
final class Cdroms {
  private static final Duration FREED = Duration.ofSeconds(5);

  private final Context cx;
  private final Monitor monitor;
  private final Media media;
  private final Revocation revocation;
  private final long end;

  /** Changes media, waiting so long for guests to open trays, for all of them together. */
  Cdroms(Context cx, Monitor monitor, Run run, Revocation revocation, Duration patience) {
    this.cx = cx;
    this.monitor = monitor;
    media = new Media(run);
    this.revocation = revocation;
    end = System.nanoTime() + Limits.least(patience, cx.remaining()).toNanos();
  }

  /**
   * Takes out of a drive what is in it, unless that is what is to be in it.
   *
   * @return false if the guest has not opened the tray yet
   */
  boolean empty(Plug drive) {
    Optional<QmpResult> inside = medium(drive.id());
    if (inside.isEmpty() || isWanted(drive, inside.get())) {
      return true;
    }
    requireStill(drive);
    return cx.step("take the medium out of " + label(drive), () -> {
      String node = inside.get().text("/node-name");
      Set<String> noted = new LinkedHashSet<>(Set.of(node));
      new Found(monitor).chainOf(drive.id()).files().forEach(file -> noted.add(file.toString()));
      media.note(drive.id(), noted);
      if (!opened(drive.id())) {
        return false;
      }
      monitor.execute("blockdev-remove-medium", Map.of("id", drive.id()));
      free(drive.id(), node);
      return true;
    });
  }

  /**
   * Puts into a drive what is to be in it, and ends the change.
   *
   * @return false if the guest has not opened the tray yet
   */
  boolean fill(Plug drive) {
    boolean right = medium(drive.id())
        .map(inside -> isWanted(drive, inside))
        .orElse(drive.backend().isEmpty());
    if (right && !media.changing(drive.id())) {
      return true;
    }
    requireStill(drive);
    return cx.step("close the tray of " + label(drive), () -> {
      if (!right && !inserted(drive)) {
        return false;
      }
      monitor.execute("blockdev-close-tray", Map.of("id", drive.id()));
      settle(drive);
      return true;
    });
  }

  private boolean inserted(Plug drive) {
    String node = node(drive).orElseThrow();
    media.note(drive.id(), Set.of(node));
    Plugger.of(monitor).addNode(drive);
    if (!opened(drive.id())) {
      return false;
    }
    monitor.execute("blockdev-insert-medium", Map.of("id", drive.id(), "node-name", node));
    return true;
  }

  /** Notes that a drive which is not there yet will be plugged in together with its medium. */
  void begin(Plug drive) {
    node(drive).ifPresent(node -> media.note(drive.id(), Set.of(node)));
  }

  /** Frees what an earlier process had opened for a drive and nobody wants. */
  private void settle(Plug drive) {
    Set<String> unwanted = new LinkedHashSet<>(media.nodes(drive.id()));
    node(drive).ifPresent(unwanted::remove);
    unwanted.forEach(node -> free(drive.id(), node));
    revocation.of(media.files(drive.id()));
    media.forget(drive.id());
  }

  /** Frees what was behind a drive that is gone. */
  void free(String id, List<String> noted) {
    Set<String> nodes = new LinkedHashSet<>(noted);
    nodes.addAll(media.nodes(id));
    nodes.forEach(node -> free(id, node));
    revocation.of(media.files(id));
    media.forget(id);
  }

  /** A drive lets go of its node a moment after it is gone; a node that is in use is another's by now. */
  private void free(String id, String node) {
    boolean unused = Pauses.until("free " + node, Limits.least(FREED, cx.remaining()), () -> {
      try {
        monitor.execute("blockdev-del", Map.of("node-name", node));
        return true;
      } catch (QmpException e) {
        return !new Found(monitor).nodes().containsKey(node) || insideAny(node);
      }
    });
    if (!unused) {
      throw new N0Exception(
          N0Exception.Code.BUSY, id, "change " + id + ": its node " + node + " is in use");
    }
  }

  /** A device that is gone is told of for a moment. */
  private boolean insideAny(String node) {
    Set<String> devices = monitor.devices();
    return monitor.execute("query-block").list("").stream()
        .filter(block -> block
            .find("/inserted/node-name")
            .filter(name -> name.text("").equals(node))
            .isPresent())
        .anyMatch(
            block -> devices.stream().anyMatch(device -> BlockDevices.belongs(block, device)));
  }

  /** Asks the guest to open the tray if it has locked it; otherwise it opens at once. */
  private boolean opened(String id) {
    if (open(id)) {
      return true;
    }
    monitor.execute("blockdev-open-tray", Map.of("id", id));
    MachineState state = monitor.state();
    // Until it is resumed a guest that is paused opens nothing.
    boolean able = state == MachineState.RUNNING || state == MachineState.PREPARED;
    Duration left = able ? Duration.ofNanos(Math.max(0, end - System.nanoTime())) : Duration.ZERO;
    cx.progress(0, "waiting for the guest to open the tray of " + id);
    return Pauses.until("open the tray of " + id, left, () -> open(id));
  }

  private boolean open(String id) {
    return block(id).flag("/tray_open");
  }

  private Optional<QmpResult> medium(String id) {
    return block(id).find("/inserted");
  }

  private QmpResult block(String id) {
    return monitor.execute("query-block").list("").stream()
        .filter(block -> BlockDevices.belongs(block, id))
        .findFirst()
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.UNAVAILABLE, id, "look at the drive " + id + ": qemu has none"));
  }

  private static boolean isWanted(Plug drive, QmpResult inside) {
    return node(drive).filter(inside.text("/node-name")::equals).isPresent()
        && Plugger.filename(drive).equals(inside.text("/file"));
  }

  private static Optional<String> node(Plug drive) {
    return Optional.ofNullable(drive.backend().get("node-name")).map(String::valueOf);
  }

  private void requireStill(Plug drive) {
    if (new Found(monitor).moving()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          "hardware.cdroms",
          "change the medium of " + label(drive) + ": the machine is being moved or saved");
    }
  }

  private static String label(Plug drive) {
    return "cd \"" + drive.id().substring("cd-".length()) + "\"";
  }
}
