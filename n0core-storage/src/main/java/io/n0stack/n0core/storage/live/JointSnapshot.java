package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The change of several disks of one machine to overlays, by one transaction. */
final class JointSnapshot {
  private static final String COMMAND = "transaction";

  /** A disk and what it is to be written to. */
  record Part(Disk disk, Path overlay) {
    boolean active() {
      return disk.usedRoot(disk.graph()).holds(overlay);
    }
  }

  private final Wire wire;
  private final ResourceId first;

  JointSnapshot(Wire wire, ResourceId first) {
    this.wire = wire;
    this.first = first;
  }

  SnapshotConsistency take(List<Part> parts) {
    long active = parts.stream().filter(Part::active).count();
    if (active == parts.size()) {
      return SnapshotConsistency.CRASH;
    }
    if (active > 0) {
      throw refused(
          N0Exception.Code.PRECONDITION, "some of the overlays are active, others are not");
    }
    if (!wire.capabilities().commands().contains(COMMAND)) {
      throw refused(N0Exception.Code.UNSUPPORTED, "QEMU lacks " + COMMAND);
    }
    List<Part> added = new ArrayList<>();
    List<Map<String, ?>> actions = new ArrayList<>();
    try {
      for (Part part : parts) {
        actions.add(prepared(part, added));
      }
    } catch (N0Exception e) {
      remove(added, e);
      throw e;
    }
    try {
      boolean frozen = wire.quietly(
          LiveVolume.LONGEST_QUIET,
          () -> wire.change(
              COMMAND, Map.of("actions", actions), () -> parts.stream().allMatch(Part::active)));
      return frozen ? SnapshotConsistency.FROZEN : SnapshotConsistency.CRASH;
    } catch (BlockCommandException e) {
      remove(added, e);
      throw e;
    }
  }

  private static void remove(List<Part> added, N0Exception why) {
    added.forEach(part -> part.disk().remove(part.disk().nodeName(part.overlay()), why));
  }

  private static Map<String, ?> prepared(Part part, List<Part> added) {
    BlockGraph graph = part.disk().graph();
    LiveNode root = part.disk().usedRoot(graph);
    LiveVolume.inspectOverlay(part.overlay(), root);
    String node = part.disk().add(graph, part.overlay(), ImageFormat.QCOW2, "overlay");
    added.add(part);
    return Map.of(
        "type", "blockdev-snapshot", "data", Map.of("node", root.name(), "overlay", node));
  }

  private N0Exception refused(N0Exception.Code code, String why) {
    return new N0Exception(
        code, first.toString(), "snapshot of several volumes of " + wire.machine() + ": " + why);
  }
}
