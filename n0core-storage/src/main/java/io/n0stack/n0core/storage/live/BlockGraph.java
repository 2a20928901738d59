package io.n0stack.n0core.storage.live;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A machine's block nodes and who uses which, as of one moment. Only {@code x-debug-query-block-graph}
 * tells the edges; the names of files do not, since two disks may stand on one base.
 */
final class BlockGraph {
  static final String EDGES = "x-debug-query-block-graph";
  static final String NODES = "query-named-block-nodes";
  private static final int ATTEMPTS = 5;
  private static final int DEEPEST = 1000;
  private static final Set<String> BELOW_FILE_FILTERS =
      Set.of("copy-before-write", "copy-on-read", "throttle", "preallocate");
  private static final Set<String> BELOW_BACKING_FILTERS = Set.of("mirror_top", "commit_top");
  private static final Set<String> FILES = Set.of("file", "host_device");

  private record Edge(String child, String name) {}

  private record Use(String parent, String name) {}

  private final String subject;
  private final Map<String, JsonNode> nodes = new LinkedHashMap<>();
  private final Map<String, List<Edge>> below = new HashMap<>();
  private final Map<String, List<Use>> above = new HashMap<>();

  private BlockGraph(String subject) {
    this.subject = subject;
  }

  static BlockGraph of(Wire wire) {
    for (int attempt = 1; ; attempt++) {
      BlockGraph graph = new BlockGraph(wire.machine().toString());
      for (JsonNode node : wire.ask(NODES, Map.of("flat", true))) {
        graph.nodes.put(node.path("node-name").asText(), node);
      }
      if (graph.join(wire.ask(EDGES, Map.of()))) {
        return graph;
      }
      if (attempt == ATTEMPTS) {
        throw new N0Exception(
            N0Exception.Code.BUSY,
            graph.subject,
            "look at the disks of " + graph.subject + ": they change as fast as one looks");
      }
    }
  }

  /** Adds the edges; returns whether both answers are about the same nodes. */
  private boolean join(JsonNode answer) {
    Map<Long, String> names = new HashMap<>();
    Set<String> seen = new HashSet<>();
    for (JsonNode node : answer.path("nodes")) {
      boolean block = node.path("type").asText().equals("block-driver");
      String name = node.path("name").asText();
      // Jobs and devices are users without being nodes; no node's name can begin like this.
      names.put(node.path("id").asLong(), block ? name : "\0" + node.path("id").asLong());
      if (block) {
        seen.add(name);
      }
    }
    for (JsonNode edge : answer.path("edges")) {
      String parent = names.getOrDefault(edge.path("parent").asLong(), "\0");
      String child = names.getOrDefault(edge.path("child").asLong(), "\0");
      String name = edge.path("name").asText();
      below.computeIfAbsent(parent, key -> new ArrayList<>()).add(new Edge(child, name));
      above.computeIfAbsent(child, key -> new ArrayList<>()).add(new Use(parent, name));
    }
    return seen.equals(nodes.keySet());
  }

  Optional<LiveNode> find(String name) {
    return Optional.ofNullable(nodes.get(name)).map(node -> node(name, node));
  }

  /** Finds the node that has a file's format, whoever added it; one that is used if there are several. */
  Optional<LiveNode> holding(Path file) {
    List<LiveNode> all = images().stream().filter(node -> node.holds(file)).toList();
    return all.stream()
        .filter(node -> isUsed(node.name()))
        .findFirst()
        .or(() -> all.stream().findFirst());
  }

  /** Lists the nodes that have a format; not those that have bytes, and not filters. */
  List<LiveNode> images() {
    return nodes.entrySet().stream()
        .filter(entry -> !isFilter(entry.getKey()) && !FILES.contains(driver(entry.getKey())))
        .map(entry -> node(entry.getKey(), entry.getValue()))
        .toList();
  }

  boolean exists(String name) {
    return nodes.containsKey(name);
  }

  boolean isUsed(String name) {
    return !above.getOrDefault(name, List.of()).isEmpty();
  }

  /** Climbs from any layer to the active one: the highest that is used, or else the highest. */
  LiveNode root(String anchor) {
    Set<LiveNode> used = new LinkedHashSet<>();
    Set<LiveNode> tops = new LinkedHashSet<>();
    find(anchor).ifPresent(node -> climb(anchor, node, 0, used, tops));
    Set<LiveNode> roots = used.isEmpty() ? tops : used;
    if (roots.isEmpty()) {
      throw refused(N0Exception.Code.NOT_FOUND, anchor, "the machine has no such node any more");
    }
    if (roots.size() > 1) {
      throw refused(N0Exception.Code.PRECONDITION, anchor, "several disks stand on it");
    }
    return roots.iterator().next();
  }

  /** Returns whether there is a used layer at or above a node, and collects the highest of each branch. */
  private boolean climb(
      String at, LiveNode layer, int depth, Set<LiveNode> used, Set<LiveNode> tops) {
    if (depth > DEEPEST) {
      throw refused(N0Exception.Code.PRECONDITION, at, "its layers form a circle");
    }
    boolean highest = true;
    boolean found = false;
    for (Use use : above.getOrDefault(at, List.of())) {
      Optional<LiveNode> parent = find(use.parent());
      if (parent.isPresent() && use.name().equals(stacking(use.parent()))) {
        LiveNode next = isFilter(use.parent()) ? layer : parent.get();
        highest = false;
        found |= climb(use.parent(), next, depth + 1, used, tops);
      }
    }
    if (!found && hasUser(layer)) {
      used.add(layer);
      found = true;
    }
    if (highest) {
      tops.add(layer);
    }
    return found;
  }

  /** Tells whether a device or an export has the disk: a user above the active layer and its filters. */
  boolean hasUser(LiveNode root) {
    String at = root.name();
    for (int depth = 0; depth < DEEPEST; depth++) {
      Optional<String> filter = Optional.empty();
      for (Use use : above.getOrDefault(at, List.of())) {
        if (!nodes.containsKey(use.parent())) {
          return true;
        }
        if (isFilter(use.parent()) && use.name().equals(stacking(use.parent()))) {
          filter = Optional.of(use.parent());
        }
      }
      if (filter.isEmpty()) {
        return false;
      }
      at = filter.get();
    }
    return false;
  }

  /** Lists the layers, the active one first. */
  List<LiveNode> chain(LiveNode root) {
    List<LiveNode> layers = new ArrayList<>();
    Optional<String> at = Optional.of(root.name());
    while (at.isPresent() && layers.size() < DEEPEST) {
      String name = at.get();
      if (!isFilter(name)) {
        find(name).ifPresent(layers::add);
      }
      at = child(name, stacking(name));
    }
    return layers;
  }

  private Optional<String> child(String name, String edge) {
    return below.getOrDefault(name, List.of()).stream()
        .filter(e -> e.name().equals(edge))
        .map(Edge::child)
        .findFirst();
  }

  /** Returns the name of the edge that leads from a node to what it stands on. */
  private String stacking(String name) {
    return BELOW_FILE_FILTERS.contains(driver(name)) ? "file" : "backing";
  }

  private boolean isFilter(String name) {
    String driver = driver(name);
    return BELOW_FILE_FILTERS.contains(driver) || BELOW_BACKING_FILTERS.contains(driver);
  }

  private String driver(String name) {
    JsonNode node = nodes.get(name);
    return node == null ? "" : node.path("drv").asText();
  }

  private LiveNode node(String name, JsonNode node) {
    List<LiveBitmap> bitmaps = new ArrayList<>();
    for (JsonNode bitmap : node.path("dirty-bitmaps")) {
      Names.ofBitmap(bitmap.path("name").asText())
          .ifPresent(own -> bitmaps.add(bitmap(own, bitmap)));
    }
    return new LiveNode(
        name,
        node.path("drv").asText(),
        file(name, node),
        node.path("image").path("virtual-size").asLong(),
        node.path("ro").asBoolean(),
        bitmaps);
  }

  /** The name of a format node can be JSON text; the node below has the plain one. */
  private Optional<Path> file(String name, JsonNode node) {
    String bytes = child(name, "file").orElse(name);
    String text = nodes.getOrDefault(bytes, node).path("file").asText();
    if (!FILES.contains(driver(bytes)) || !text.startsWith("/")) {
      return Optional.empty();
    }
    try {
      return Optional.of(Path.of(text));
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static LiveBitmap bitmap(String name, JsonNode bitmap) {
    return new LiveBitmap(
        name,
        bitmap.path("granularity").asLong(),
        bitmap.path("count").asLong(),
        bitmap.path("recording").asBoolean(),
        bitmap.path("persistent").asBoolean(),
        bitmap.path("busy").asBoolean(),
        bitmap.path("inconsistent").asBoolean());
  }

  private N0Exception refused(N0Exception.Code code, String node, String why) {
    return new N0Exception(code, subject, "node \"" + node + "\" of " + subject + ": " + why);
  }
}
