package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A volume that a running machine has open, worked on through the machine's QEMU, which alone may write
 * to the files meanwhile.
 *
 * <p>Each method looks first and changes what is missing, so after a failure, a lost line or the death of
 * the process it is called again with the same arguments, and goes on where it was. Jobs that were
 * started are found again with {@link #jobs()}; they are settled before another begins.
 *
 * <p>Thread-safe, but one caller at a time changes a volume. Whoever opened it closes it; jobs and
 * exports go on after that.
 *
 * @since 0.1
 */
public final class LiveVolume implements AutoCloseable {
  private static final List<String> NEEDED = List.of(
      "blockdev-add",
      "blockdev-del",
      "blockdev-snapshot",
      "query-jobs",
      "job-dismiss",
      BlockGraph.NODES,
      BlockGraph.EDGES);

  // Windows thaws by itself after ten seconds.
  static final Duration LONGEST_QUIET = Duration.ofSeconds(10);

  private final Disk disk;

  private LiveVolume(Disk disk) {
    this.disk = disk;
  }

  /**
   * Finds a volume in the machine that has it open.
   *
   * @param monitor the way to machines
   * @param volume the volume, whose uid stamps all that is made
   * @param file absolute path of the volume or of any of its layers
   * @param limit the time allowed for each command, and for connecting again when the line breaks
   * @return the volume, which the caller closes
   * @throws N0Exception PRECONDITION if no running machine has it open, or only without a device that uses
   *     it, as a target or a layer that an earlier process left open; UNAVAILABLE if one that may have
   *     it open cannot be asked; UNSUPPORTED if its QEMU lacks a command
   */
  public static LiveVolume open(
      BlockMonitor monitor, ResourceId volume, Path file, Duration limit) {
    Rules.absolutePath("file", file);
    Rules.range("limit", limit.toMillis(), 1, Duration.ofDays(1).toMillis());
    BlockUse use = monitor.use(file, limit);
    if (use instanceof BlockUse.Unknown unknown) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          volume.toString(),
          "open running " + volume + " at " + Disk.quote(file) + ": " + unknown.why());
    }
    if (!(use instanceof BlockUse.Open open)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          volume.toString(),
          "open running " + volume + ": no running machine has " + Disk.quote(file) + " open");
    }
    Wire wire = new Wire(monitor, open.machine(), limit);
    boolean ready = false;
    try {
      Set<String> missing = new HashSet<>(NEEDED);
      missing.removeAll(wire.capabilities().commands());
      if (!missing.isEmpty()) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            open.machine().toString(),
            "open running " + volume + ": QEMU of " + open.machine() + " lacks " + missing);
      }
      BlockGraph graph = BlockGraph.of(wire);
      Optional<LiveNode> layer = graph.holding(file);
      if (layer.isEmpty()) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            volume.toString(),
            "open running " + volume + ": " + open.machine() + " has " + Disk.quote(file)
                + " open no more, or not as a disk");
      }
      Disk disk = new Disk(wire, volume, layer.get().name());
      disk.moveTo(disk.usedRoot(graph).name()); // the layer may go while a job is running
      ready = true;
      return new LiveVolume(disk);
    } finally {
      if (!ready) {
        wire.close();
      }
    }
  }

  /**
   * Returns which machine has it.
   *
   * @return the machine
   */
  public ResourceId machine() {
    return disk.wire().machine();
  }

  /**
   * Lists the volume's layers.
   *
   * @return the active one first, then what it stands on
   */
  public List<LiveNode> layers() {
    BlockGraph graph = disk.graph();
    return graph.chain(disk.root(graph));
  }

  /**
   * Lists all images that the machine has open, of all its disks and jobs.
   *
   * @return the nodes that have a format
   */
  public List<LiveNode> nodes() {
    return disk.graph().images();
  }

  /**
   * Lists the jobs on this volume, also those that an earlier process has started and those that have
   * ended and are not settled.
   *
   * @return the jobs that bear the volume's uid
   */
  public List<LiveJob> jobs() {
    return disk.jobs().stream()
        .flatMap(job -> JobId.parse(job.id()).stream())
        .map(id -> new LiveJob(disk, id))
        .toList();
  }

  /**
   * Returns its dirty bitmaps.
   *
   * @return the bitmaps of whatever layer is active when they are used
   */
  public LiveBitmaps bitmaps() {
    return new LiveBitmaps(disk);
  }

  /**
   * Makes it larger; the guest is told. A volume that has the size already is left as it is.
   *
   * @param sizeBytes what the guest is to see, a multiple of 512
   * @throws N0Exception INVALID if that is less than it is now; BUSY if a job is running; EXHAUSTED
   */
  public void resize(long sizeBytes) {
    LiveNode root = disk.root(disk.graph());
    if (sizeBytes % 512 != 0 || sizeBytes < root.sizeBytes()) {
      throw N0Exception.invalid(
          "sizeBytes",
          sizeBytes,
          "must be a multiple of 512, and not less than the " + root.sizeBytes() + " that it is");
    }
    if (sizeBytes > root.sizeBytes()) {
      disk.wire()
          .change(
              "block_resize",
              Map.of("node-name", root.name(), "size", sizeBytes),
              () -> disk.root(disk.graph()).sizeBytes() == sizeBytes);
    }
  }

  /**
   * Takes an external snapshot: the guest writes to an overlay from now on, and the file that was active
   * stays as it is. Bitmaps stay below, with the snapshot. An overlay that is active already is left. If an
   * agent in the guest answers, its file systems are frozen meanwhile.
   *
   * @param overlay absolute path of a qcow2 image of the volume's size, empty, whose header names the
   *     active file and its format
   * @return FROZEN if the guest was frozen; CRASH if not, or if the overlay was active already
   * @throws N0Exception INVALID if the overlay is not one for the active file; BUSY if a job is running;
   *     PRECONDITION if no device has the volume. In each case the volume is as it was
   * @throws UnknownOutcomeException if the line broke and the machine cannot be asked; call again
   */
  public SnapshotConsistency snapshot(Path overlay) {
    Rules.absolutePath("overlay", overlay);
    BlockGraph graph = disk.graph();
    LiveNode root = disk.usedRoot(graph);
    if (root.holds(overlay)) {
      return SnapshotConsistency.CRASH;
    }
    inspectOverlay(overlay, root);
    String node = disk.add(graph, overlay, ImageFormat.QCOW2, "overlay");
    Wire wire = disk.wire();
    try {
      boolean frozen = wire.quietly(
          LONGEST_QUIET,
          () -> wire.change(
              "blockdev-snapshot",
              Map.of("node", root.name(), "overlay", node),
              () -> disk.root(disk.graph()).holds(overlay)));
      return frozen ? SnapshotConsistency.FROZEN : SnapshotConsistency.CRASH;
    } catch (BlockCommandException e) {
      disk.remove(node, e);
      throw e;
    }
  }

  /**
   * Checks that volumes are in one machine.
   *
   * @param volumes the volumes
   * @throws N0Exception PRECONDITION if they are in several
   */
  public static void requireOneMachine(List<LiveVolume> volumes) {
    Set<ResourceId> machines = new HashSet<>();
    volumes.forEach(volume -> machines.add(volume.machine()));
    if (machines.size() > 1) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          volumes.get(0).disk.volume().toString(),
          "snapshot of several volumes: must be of one machine, are of " + machines);
    }
  }

  /**
   * Takes external snapshots of several volumes of one machine at one point in time: of all or of none.
   * Otherwise as {@link #snapshot}. If all overlays are active already, nothing is done.
   *
   * @param overlays what each volume is to be written to from now on, 1 or more
   * @return FROZEN if the guest was frozen; CRASH if not, or if the overlays were active already
   * @throws N0Exception INVALID if an overlay is not one for the active file; BUSY if a job is running;
   *     PRECONDITION if the volumes are in several machines, one is not in use, or some of the overlays
   *     are active. In each case the volumes are as they were
   * @throws UnknownOutcomeException if the line broke and the machine cannot be asked; call again
   */
  public static SnapshotConsistency snapshotTogether(Map<LiveVolume, Path> overlays) {
    Rules.range("overlays.size", overlays.size(), 1, Integer.MAX_VALUE);
    overlays.values().forEach(overlay -> Rules.absolutePath("overlay", overlay));
    List<LiveVolume> volumes = List.copyOf(overlays.keySet());
    requireOneMachine(volumes);
    return new JointSnapshot(volumes.get(0).disk.wire(), volumes.get(0).disk.volume())
        .take(overlays.entrySet().stream()
            .map(entry -> new JointSnapshot.Part(entry.getKey().disk, entry.getValue()))
            .toList());
  }

  static void inspectOverlay(Path overlay, LiveNode root) {
    Qcow2Header header = Qcow2Header.read(overlay);
    Optional<Path> backing = header.backingFile().map(name -> overlay.resolveSibling(name));
    if (backing.isEmpty() || !root.holds(backing.get())) {
      throw N0Exception.invalid(
          "overlay", overlay, "must have the active file as its backing file: " + root.file());
    }
    if (!header.backingFormat().equals(Optional.of(root.driver()))) {
      throw N0Exception.invalid("overlay", overlay, "must name the format " + root.driver());
    }
    if (header.sizeBytes() != root.sizeBytes()) {
      throw N0Exception.invalid("overlay", overlay, "must have " + root.sizeBytes() + " bytes");
    }
  }

  /**
   * Writes what layers hold into a lower one. If the active layer is among them, the job gets ready and
   * is to be completed, after which the machine uses the base; the files of the layers are not deleted.
   * A top that is no layer any more counts as committed, if the base is one.
   *
   * @param top the topmost layer to be written down
   * @param base the layer that receives it
   * @return the job
   * @throws N0Exception NOT_FOUND if a file is none of the layers; INVALID if the base is not below;
   *     BUSY if a job is running
   */
  public LiveJob commit(Path top, Path base) {
    Rules.absolutePath("top", top);
    Rules.absolutePath("base", base);
    return new JobStarter(disk).commit(top, base);
  }

  /**
   * Copies into the active layer what all layers below hold, so that it stands alone.
   *
   * @return the job
   * @throws N0Exception BUSY if a job is running
   */
  public LiveJob flatten() {
    return new JobStarter(disk).stream(Optional.empty());
  }

  /**
   * Copies into the active layer what the layers between it and a base hold.
   *
   * @param base the layer on which the active one is to stand
   * @return the job
   * @throws N0Exception NOT_FOUND if the file is none of the layers; BUSY if a job is running
   */
  public LiveJob flattenOnto(Path base) {
    Rules.absolutePath("base", base);
    return new JobStarter(disk).stream(Optional.of(base));
  }

  /**
   * Copies the volume to another file and keeps the copy the same. When it is ready, {@link
   * LiveJob#complete} lets the machine use the copy, and {@link LiveJob#detach} ends copying.
   *
   * @param spec where to and how
   * @return the job
   * @throws N0Exception BUSY if a job is running or the target is in use; INVALID for a target that
   *     keeps its data elsewhere
   */
  public LiveJob mirror(MirrorSpec spec) {
    return new JobStarter(disk).mirror(spec);
  }

  /**
   * Copies the volume, or what has changed since a checkpoint, as it is now. A checkpoint that it is to
   * make replaces one of that name, and is removed again if the backup fails. If an agent in the guest answers, its
   * file systems are frozen at that moment.
   *
   * @param spec where to, since when, and the checkpoint to make
   * @return the job, whose {@link LiveJob#consistency} says whether the guest was frozen
   * @throws N0Exception NOT_FOUND if there is no such checkpoint, or it is in a lower layer; PRECONDITION
   *     if a QEMU that was killed has spoilt it, or it was disabled and marks no writes; BUSY if an export is
   *     using it or a job is running
   */
  public LiveJob backup(BackupSpec spec) {
    return new JobStarter(disk).backup(spec);
  }

  /**
   * Offers the volume over NBD on a Unix socket. An export of that name that exists already is left.
   *
   * @param spec where and how
   * @return the export, which goes on until it is removed or the machine ends
   * @throws N0Exception INVALID for a directory that others can enter; BUSY if the machine's NBD server
   *     listens elsewhere, or something uses a bitmap; PRECONDITION if a bitmap is still marking and
   *     the export is for reading
   */
  public LiveExport export(ExportSpec spec) {
    return LiveExport.start(disk, spec);
  }

  /**
   * Stops the machine's NBD server if it has no export left.
   *
   * @throws N0Exception BUSY if there are exports, of this volume or another
   */
  public void stopExporting() {
    LiveExport.stopServer(disk);
  }

  /**
   * Closes nodes that n0core has opened for this volume and that nothing uses: what is left of a process
   * that died before it started or settled a job.
   *
   * @throws OperationTimeoutException if the machine does not answer in time
   */
  public void sweep() {
    disk.sweep("");
  }

  /**
   * Closes a file that the machine has open and that nothing uses: a layer that was committed or flattened
   * by a process that died before it could close it. To be called before a layer's file is deleted.
   *
   * @param file absolute path of what was a layer or a target
   * @throws N0Exception BUSY if something uses it
   */
  public void release(Path file) {
    Rules.absolutePath("file", file);
    disk.release(file);
  }

  /** Disconnects. Jobs and exports go on. Closing twice does nothing. */
  @Override
  public void close() {
    disk.wire().close();
  }
}
