package io.n0stack.n0core.storage.live;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A volume as one machine has it: where its layers are, and which nodes and jobs are n0core's. */
final class Disk {
  private static final Logger LOG = LoggerFactory.getLogger(Disk.class);

  private final Wire wire;
  private final ResourceId volume;
  private volatile String anchor;

  /**
   * Makes a disk.
   *
   * @param wire the line to the machine
   * @param volume the volume
   * @param anchor any layer of it
   */
  Disk(Wire wire, ResourceId volume, String anchor) {
    this.wire = wire;
    this.volume = volume;
    this.anchor = anchor;
  }

  Wire wire() {
    return wire;
  }

  ResourceId volume() {
    return volume;
  }

  /** Says which layer to look from, when the one so far is about to go. */
  void moveTo(String node) {
    anchor = node;
  }

  BlockGraph graph() {
    return BlockGraph.of(wire);
  }

  LiveNode root(BlockGraph graph) {
    return graph.root(anchor);
  }

  LiveNode usedRoot(BlockGraph graph) {
    LiveNode root = root(graph);
    if (!graph.hasUser(root)) {
      throw refused(N0Exception.Code.PRECONDITION, "no device or export of the machine has it");
    }
    return root;
  }

  String nodeName(Path file) {
    return Names.node(volume.uid(), file);
  }

  boolean isOurs(String node) {
    return node.startsWith(Names.nodePrefix(volume.uid()));
  }

  /** Returns a node that someone else has named and that we have to delete when nobody uses it. */
  String foreign(LiveNode node) {
    return isOurs(node.name()) || node.name().startsWith("#") ? "" : node.name();
  }

  /**
   * Opens an image in the machine, under a name that tells the volume and the image.
   *
   * @return the node's name
   */
  String add(BlockGraph graph, Path file, ImageFormat format, String field) {
    inspect(file, format, field);
    String name = nodeName(file);
    if (graph.exists(name)) {
      if (graph.isUsed(name)) {
        throw refused(N0Exception.Code.BUSY, "the machine uses " + quote(file) + " already");
      }
      return name; // what an earlier attempt left
    }
    Map<String, Object> bytes = new HashMap<>();
    bytes.put("driver", "file");
    bytes.put("filename", file.toString());
    bytes.put("locking", "auto");
    bytes.put("discard", "unmap");
    Map<String, Object> node = new HashMap<>();
    node.put("driver", format.name().toLowerCase(Locale.ROOT));
    node.put("node-name", name);
    node.put("discard", "unmap");
    node.put("file", bytes);
    if (format == ImageFormat.QCOW2) {
      node.put("backing", null); // whatever the image names is not opened
    }
    wire.change("blockdev-add", node, () -> graph().exists(name));
    return name;
  }

  private void inspect(Path file, ImageFormat format, String field) {
    if (format == ImageFormat.QCOW2) {
      Qcow2Header header = Qcow2Header.read(file);
      if (header.dataFile().isPresent() || header.features().externalDataFile()) {
        throw N0Exception.invalid(field, file, "must not keep its data in another file");
      }
    }
  }

  /** Deletes a node that n0core has added, after what it was for has failed. */
  void remove(String node, N0Exception why) {
    try {
      delete(node);
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  private void delete(String node) {
    try {
      wire.change("blockdev-del", Map.of("node-name", node), () -> !graph().exists(node));
    } catch (BlockCommandException e) {
      if (e.code() != N0Exception.Code.NOT_FOUND) {
        throw e;
      }
    }
  }

  /** Deletes a node that nobody uses, unless something holds it that the graph does not show. */
  private void deleteIfFree(String node) {
    try {
      delete(node);
    } catch (BlockCommandException e) {
      if (e.code() != N0Exception.Code.BUSY) {
        throw e;
      }
      LOG.debug("{}: node {} is left for now: {}", volume, node, e.description());
    }
  }

  /** Deletes the nodes that have a file, unless they go by themselves. */
  void release(Path file) {
    BlockGraph graph = graph();
    for (LiveNode node : graph.images()) {
      if (node.holds(file) && !node.name().startsWith("#")) {
        if (graph.isUsed(node.name())) {
          throw refused(N0Exception.Code.BUSY, "the machine uses " + quote(file));
        }
        delete(node.name());
      }
    }
  }

  /**
   * Deletes the nodes of this volume that n0core has added and that nobody uses any more.
   *
   * @param foreign one more to delete if nobody uses it
   */
  void sweep(String foreign) {
    Set<String> tried = new HashSet<>();
    boolean more = true;
    while (more) { // a layer is free only after the one above it is gone
      more = false;
      BlockGraph graph = graph();
      for (LiveNode node : graph.images()) {
        boolean mine = isOurs(node.name()) || node.name().equals(foreign);
        if (mine && !graph.isUsed(node.name()) && tried.add(node.name())) {
          deleteIfFree(node.name());
          more = true;
        }
      }
    }
  }

  /** Lists the jobs that bear this volume's stamp. */
  List<JobStatus> jobs() {
    List<JobStatus> jobs = new ArrayList<>();
    for (JsonNode job : wire.ask("query-jobs", Map.of())) {
      JobId.parse(job.path("id").asText())
          .filter(id -> id.volume().equals(volume.uid()))
          .ifPresent(id -> jobs.add(status(id, job)));
    }
    return jobs;
  }

  private static JobStatus status(JobId id, JsonNode job) {
    JsonNode error = job.path("error");
    return new JobStatus(
        id.toString(),
        id.kind(),
        state(job.path("status").asText()),
        Math.max(0, job.path("current-progress").asLong()),
        Math.max(0, job.path("total-progress").asLong()),
        error.isTextual() ? Optional.of(error.asText()) : Optional.empty());
  }

  private static JobState state(String word) {
    return switch (word) {
      case "paused", "standby" -> JobState.PAUSED;
      case "ready" -> JobState.READY;
      case "pending" -> JobState.PENDING;
      case "waiting", "aborting" -> JobState.ENDING;
      case "concluded" -> JobState.CONCLUDED;
      case "null", "undefined" -> JobState.GONE;
      default -> JobState.RUNNING;
    };
  }

  JobStatus job(JobId id) {
    return jobs().stream()
        .filter(job -> job.id().equals(id.toString()))
        .findFirst()
        .orElseGet(
            () -> new JobStatus(id.toString(), id.kind(), JobState.GONE, 0, 0, Optional.empty()));
  }

  N0Exception refused(N0Exception.Code code, String why) {
    return new N0Exception(
        code, volume.toString(), volume + " in running " + wire.machine() + ": " + why);
  }

  static String quote(Path file) {
    return Rules.quote(file.toString());
  }
}
