package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Starts jobs, or finds the same ones running from before. */
final class JobStarter {
  private final Disk disk;

  JobStarter(Disk disk) {
    this.disk = disk;
  }

  LiveJob commit(Path top, Path base) {
    JobId wanted =
        JobId.of(JobKind.COMMIT, disk.volume().uid(), top.toString(), base.toString(), "");
    Optional<LiveJob> running = running(wanted);
    if (running.isPresent()) {
      return running.get();
    }
    if (LiveJob.isMade(disk, wanted)) {
      // An earlier process may have died after it settled the job and before it closed this.
      disk.sweep(disk.graph().holding(top).map(LiveNode::name).orElse(""));
      return LiveJob.done(disk, wanted);
    }
    BlockGraph graph = disk.graph();
    LiveNode root = disk.usedRoot(graph);
    List<LiveNode> chain = graph.chain(root);
    LiveNode from = required(chain, top, "top");
    LiveNode onto = required(chain, base, "base");
    if (chain.indexOf(from) >= chain.indexOf(onto)) {
      throw N0Exception.invalid("base", base, "must be below the layer that is committed");
    }
    JobId id = withForeign(wanted, chain.subList(chain.indexOf(from), chain.indexOf(onto)));
    Map<String, Object> arguments = arguments(id, root);
    arguments.put("top-node", from.name());
    arguments.put("base-node", onto.name());
    if (from.equals(root)) {
      arguments.put("auto-finalize", false); // the moment when both are the same is LiveJob's
    } else {
      arguments.put("backing-file", base.toString());
    }
    disk.moveTo(onto.name()); // which stays, whatever happens
    start("block-commit", arguments, id);
    return new LiveJob(disk, id);
  }

  /** Copies into the active layer what all below hold, or those above a base. */
  LiveJob stream(Optional<Path> base) {
    String below = base.map(Path::toString).orElse("");
    JobId wanted = JobId.of(JobKind.STREAM, disk.volume().uid(), "", below, "");
    Optional<LiveJob> running = running(wanted);
    if (running.isPresent()) {
      return running.get();
    }
    if (LiveJob.isMade(disk, wanted)) {
      disk.sweep("");
      return LiveJob.done(disk, wanted);
    }
    BlockGraph graph = disk.graph();
    LiveNode root = disk.usedRoot(graph);
    List<LiveNode> chain = graph.chain(root);
    int end = chain.size();
    Optional<LiveNode> onto = base.map(path -> required(chain, path, "base"));
    if (onto.isPresent()) {
      end = chain.indexOf(onto.get());
      if (end == 0) {
        throw N0Exception.invalid("base", base.get(), "must be below the active layer");
      }
    }
    JobId id = withForeign(wanted, chain.subList(1, end));
    Map<String, Object> arguments = arguments(id, root);
    onto.ifPresent(node -> {
      arguments.put("base-node", node.name());
      arguments.put("backing-file", base.get().toString());
    });
    disk.moveTo(root.name()); // which stays, whatever happens
    start("block-stream", arguments, id);
    return new LiveJob(disk, id);
  }

  LiveJob mirror(MirrorSpec spec) {
    JobId wanted = JobId.of(JobKind.MIRROR, disk.volume().uid(), spec.target().toString(), "", "");
    Optional<LiveJob> running = running(wanted);
    if (running.isPresent()) {
      return running.get();
    }
    if (LiveJob.isMade(disk, wanted)) {
      disk.sweep("");
      return LiveJob.done(disk, wanted);
    }
    BlockGraph graph = disk.graph();
    LiveNode root = disk.usedRoot(graph);
    JobId id = withForeign(wanted, List.of(root));
    Map<String, Object> arguments = arguments(id, root);
    arguments.put("sync", "full");
    arguments.put("copy-mode", spec.mode().word());
    arguments.put("speed", spec.bytesPerSecond());
    startOnto(graph, spec.target(), spec.format(), target -> {
      arguments.put("target", target);
      start("blockdev-mirror", arguments, id);
    });
    return new LiveJob(disk, id);
  }

  LiveJob backup(BackupSpec spec) {
    JobId id = JobId.of(
        JobKind.BACKUP,
        disk.volume().uid(),
        spec.target().toString(),
        spec.since().orElse(""),
        spec.checkpoint().orElse(""));
    Optional<LiveJob> running = running(id);
    if (running.isPresent()) {
      return running.get();
    }
    BlockGraph graph = disk.graph();
    LiveNode root = disk.usedRoot(graph);
    LiveBitmaps bitmaps = new LiveBitmaps(disk);
    spec.since().ifPresent(since -> bitmaps.requireMarking(graph, root, since));
    Map<String, Object> backup = arguments(id, root);
    backup.put("speed", spec.bytesPerSecond());
    if (spec.since().isPresent()) {
      backup.put("sync", "bitmap");
      backup.put("bitmap", Names.bitmap(spec.since().get()));
      backup.put("bitmap-mode", "never"); // so that the increment can be taken again
    } else {
      backup.put("sync", "full");
    }
    // One of that name is of an attempt that nobody has reported as good.
    spec.checkpoint().ifPresent(bitmaps::remove);
    boolean[] frozen = {false};
    startOnto(graph, spec.target(), spec.format(), target -> {
      backup.put("target", target);
      List<Map<String, Object>> actions = new ArrayList<>();
      spec.checkpoint()
          .ifPresent(name -> actions.add(Map.of(
              "type", "block-dirty-bitmap-add", "data", LiveBitmaps.persistent(root, name))));
      actions.add(Map.of("type", "blockdev-backup", "data", backup));
      frozen[0] = disk.wire()
          .quietly(
              LiveVolume.LONGEST_QUIET, () -> start("transaction", Map.of("actions", actions), id));
    });
    return new LiveJob(
        disk, id, frozen[0] ? SnapshotConsistency.FROZEN : SnapshotConsistency.CRASH);
  }

  /** What is done with a target that has been opened. */
  @FunctionalInterface
  private interface OntoTarget {
    void start(String node);
  }

  private void startOnto(BlockGraph graph, Path target, ImageFormat format, OntoTarget work) {
    String node = disk.add(graph, target, format, "target");
    try {
      work.start(node);
    } catch (BlockCommandException e) {
      disk.remove(node, e);
      throw e;
    }
  }

  private void start(String command, Map<String, ?> arguments, JobId id) {
    disk.wire().takeError(id.toString()); // of an earlier one
    BooleanSupplier started =
        () -> disk.job(id).state() != JobState.GONE || LiveJob.isMade(disk, id);
    disk.wire().change(command, arguments, started);
  }

  private Optional<LiveJob> running(JobId wanted) {
    for (JobStatus job : disk.jobs()) {
      JobId id = JobId.parse(job.id()).orElseThrow();
      if (id.sameWork(wanted)) {
        return Optional.of(new LiveJob(disk, id));
      }
      throw disk.refused(
          N0Exception.Code.BUSY,
          job.state() == JobState.CONCLUDED
              ? "job " + job.id() + " has ended and is not settled yet"
              : "job " + job.id() + " is running");
    }
    return Optional.empty();
  }

  private static Map<String, Object> arguments(JobId id, LiveNode root) {
    Map<String, Object> arguments = new HashMap<>();
    arguments.put("job-id", id.toString());
    arguments.put("device", root.name());
    // So that a later process still finds how it ended; but while a stream that has ended is kept,
    // query-named-block-nodes kills QEMU 7.2 (SIGSEGV): the filter it leaves stands on nothing.
    arguments.put("auto-dismiss", id.kind() == JobKind.STREAM);
    return arguments;
  }

  private JobId withForeign(JobId id, List<LiveNode> leaving) {
    List<String> foreign =
        leaving.stream().map(disk::foreign).filter(name -> !name.isEmpty()).toList();
    if (foreign.size() > 1) {
      throw disk.refused(
          N0Exception.Code.UNSUPPORTED,
          "nodes " + foreign + " would be left over, and only one that others named can be");
    }
    return new JobId(
        id.kind(), id.volume(), id.first(), id.second(), foreign.isEmpty() ? "" : foreign.get(0));
  }

  private LiveNode required(List<LiveNode> chain, Path file, String field) {
    return layer(chain, file)
        .orElseThrow(() -> disk.refused(
            N0Exception.Code.NOT_FOUND,
            field + " " + Disk.quote(file) + " is none of its layers "
                + chain.stream().map(LiveNode::file).flatMap(Optional::stream).toList()));
  }

  private static Optional<LiveNode> layer(List<LiveNode> chain, Path file) {
    return chain.stream().filter(node -> node.holds(file)).findFirst();
  }
}
