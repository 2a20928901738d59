package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.store.SmallFiles;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Change;
import io.n0stack.n0core.storage.VolumeRecord.Shape;
import io.n0stack.n0core.storage.file.ImageLock;
import io.n0stack.n0core.storage.live.LiveVolume;
import io.n0stack.n0core.storage.qcow2.ImageExtent;
import io.n0stack.n0core.storage.qcow2.ImageMap;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Layers that are put on several volumes at one moment: all are on record and made before QEMU changes over to
 * all of them or to none. What was cut short before that is forgotten, because a layer that is put on top
 * later would not be of the same moment as the others.
 */
final class JointLayers {
  private static final Logger LOG = LoggerFactory.getLogger(JointLayers.class);

  private final VolumePool pool;
  private final Layers layers;

  JointLayers(VolumePool pool, Layers layers) {
    this.pool = pool;
    this.layers = layers;
  }

  /** Puts a layer on top of each, unless each has it. */
  void create(Context cx, List<VolumeRecord> records, String snapshot) {
    List<ResourceId> with = records.stream()
        .filter(record -> record.shape().snapshots().contains(snapshot))
        .map(VolumeRecord::id)
        .toList();
    if (with.size() == records.size()) {
      return;
    }
    if (!with.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          with.get(0).toString(),
          "snapshot " + snapshot + " of several volumes: " + with + " have one of that name, the"
              + " others have not");
    }
    records.forEach(layers::requireLayerable);
    List<ResourceId> ids = records.stream().map(VolumeRecord::id).toList();
    try (LiveVolumes live = LiveVolumes.open(cx, layers, records)) {
      LiveVolume.requireOneMachine(live.all());
      for (int i = 0; i < records.size(); i++) {
        Path above =
            pool.top(Stage.READY, records.get(i), records.get(i).shape().with(snapshot));
        live.all().get(i).release(above);
        layers.clear(cx, above);
      }
      List<VolumeRecord> begun = new ArrayList<>();
      try {
        for (VolumeRecord record : records) {
          VolumeRecord to = record.together(record.shape().with(snapshot), ids);
          cx.step("record what is begun", () -> layers.write(to));
          begun.add(to);
        }
        SnapshotConsistency how = changeOver(cx, live.all(), begun);
        for (VolumeRecord record : begun) {
          Shape to = Layers.next(record);
          VolumeRecord unused = layers.reached(cx, Layers.knowing(record, to, how), to);
        }
      } catch (N0Exception e) {
        undo(cx, begun, e);
        throw e;
      }
    }
    LOG.info("created external snapshot {} of {}", snapshot, ids);
  }

  private SnapshotConsistency changeOver(
      Context cx, List<LiveVolume> live, List<VolumeRecord> begun) {
    Map<LiveVolume, Path> overlays = new LinkedHashMap<>();
    for (int i = 0; i < begun.size(); i++) {
      overlays.put(live.get(i), layers.makeLayer(cx, begun.get(i), Layers.next(begun.get(i))));
    }
    return cx.step("change over", () -> LiveVolume.snapshotTogether(overlays));
  }

  /** What cannot be undone now is settled before anything else is done to a volume. */
  private void undo(Context cx, List<VolumeRecord> begun, N0Exception why) {
    for (VolumeRecord record : begun) {
      try {
        VolumeRecord unused = layers.settled(cx, record);
      } catch (N0Exception e) {
        why.addSuppressed(e);
      }
    }
  }

  /** Finds out whether it was changed over, and forgets the layer if it was not. */
  @SuppressWarnings("try") // a lock works by being held
  VolumeRecord settled(Context cx, VolumeRecord record, Shape to) {
    Path above = pool.top(Stage.READY, record, to);
    if (VolumePool.look(above).isEmpty()) {
      return layers.reached(cx, record, record.shape());
    }
    Optional<ImageLock> quiet = Layers.unused(pool.top(Stage.READY, record, record.shape()));
    if (quiet.isPresent()) {
      try (ImageLock held = quiet.get()) {
        // The guest of a machine that has ended since may have written to it. If none has to any of
        // them, the content is the same with the layer and without.
        return holdsData(above) || others(record, to)
            ? keep(cx, record, to)
            : forget(cx, record, to);
      }
    }
    try (LiveVolume live = layers.live(cx, record)) {
      if (live.layers().get(0).file().equals(Optional.of(above))) {
        return keep(cx, record, to);
      }
      cx.step("close layer", () -> live.release(above));
      return forget(cx, record, to);
    }
  }

  private VolumeRecord keep(Context cx, VolumeRecord record, Shape to) {
    return layers.reached(cx, Layers.knowing(record, to, SnapshotConsistency.CRASH), to);
  }

  private VolumeRecord forget(Context cx, VolumeRecord record, Shape to) {
    Path above = pool.top(Stage.READY, record, to);
    cx.step(
        "unlink layer",
        () -> FileFailures.translate("unlink", above, () -> SmallFiles.delete(above)));
    return layers.reached(cx, record, record.shape());
  }

  private static boolean holdsData(Path layer) {
    try (ImageMap map = ImageMap.openLayer(layer, ImageFormat.QCOW2)) {
      Optional<ImageExtent> extent = map.next();
      while (extent.isPresent()) {
        if (extent.get().kind() != ImageExtent.Kind.UNALLOCATED) {
          return true;
        }
        extent = map.next();
      }
      return false;
    }
  }

  /** Says whether another of the volumes was changed over; so too if that cannot be seen: to keep is safe. */
  private boolean others(VolumeRecord record, Shape to) {
    String snapshot = Layers.last(to);
    return record.next().orElseThrow().with().stream()
        .filter(id -> !id.equals(record.id()) && pool.exists(Stage.READY, id))
        .anyMatch(id -> has(id, snapshot));
  }

  private boolean has(ResourceId id, String snapshot) {
    try {
      VolumeRecord other = pool.record(Stage.READY, id);
      if (other.next().filter(next -> next.change() == Change.TOGETHER).isEmpty()) {
        return other.shape().snapshots().contains(snapshot);
      }
      Path above = pool.top(Stage.READY, other, Layers.next(other));
      return Layers.last(Layers.next(other)).equals(snapshot)
          && VolumePool.look(above).isPresent()
          && holdsData(above);
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      LOG.warn("{}: whether it has snapshot {} cannot be seen: {}", id, snapshot, e.getMessage());
      return true;
    }
  }
}
