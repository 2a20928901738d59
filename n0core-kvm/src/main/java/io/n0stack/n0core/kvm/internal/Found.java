package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What a running QEMU says that it has. Nothing is kept: each call asks. */
final class Found {
  private static final Set<String> MOVING =
      Set.of("postmigrate", "finish-migrate", "save-vm", "restore-vm", "colo", "internal-error");
  private static final int DEEPEST = 1000;

  private final Monitor monitor;

  Found(Monitor monitor) {
    this.monitor = monitor;
  }

  /** Returns the devices that were given an id. */
  Set<String> devices() {
    return monitor.devices();
  }

  boolean device(String id) {
    return devices().contains(id);
  }

  /** Says whether the machine is on its way to another host or a file, and must be left as it is. */
  boolean moving() {
    return MOVING.contains(status());
  }

  boolean running() {
    return status().equals("running");
  }

  private String status() {
    return monitor.execute("query-status").text("/status");
  }

  /** Returns the files of all block nodes by their names. */
  Map<String, String> nodes() {
    Map<String, String> files = new LinkedHashMap<>();
    for (QmpResult node : named()) {
      files.put(node.text("/node-name"), node.text("/file"));
    }
    return files;
  }

  private List<QmpResult> named() {
    return monitor.execute("query-named-block-nodes", Map.of("flat", true)).list("");
  }

  /**
   * Returns the nodes that a disk stands on, the active one first. After a live snapshot that is another than
   * it was plugged with, so it is found through the device.
   */
  List<String> nodesOf(String deviceId) {
    for (QmpResult block : monitor.execute("query-block").list("")) {
      if (belongs(block.find("/qdev").map(q -> q.text("")).orElse(""), deviceId)) {
        Optional<QmpResult> medium = block.find("/inserted");
        return medium.map(this::chain).orElse(List.of());
      }
    }
    return List.of();
  }

  private static boolean belongs(String qdev, String id) {
    String path = "/machine/peripheral/" + id;
    return qdev.equals(id) || qdev.equals(path) || qdev.startsWith(path + "/");
  }

  /** The edges between nodes are not told, but each layer's file is; nodes that QEMU named go by themselves. */
  private List<String> chain(QmpResult medium) {
    Set<String> names = new LinkedHashSet<>(List.of(medium.text("/node-name")));
    List<QmpResult> all = named();
    for (String file : files(medium)) {
      for (QmpResult node : all) {
        String name = node.text("/node-name");
        if (node.text("/file").equals(file) && !name.startsWith("#")) {
          names.add(name);
        }
      }
    }
    return List.copyOf(names);
  }

  private static List<String> files(QmpResult medium) {
    List<String> files = new ArrayList<>();
    Optional<QmpResult> image = medium.find("/image");
    while (image.isPresent() && files.size() < DEEPEST) {
      files.add(image.get().text("/filename"));
      image = image.get().find("/backing-image");
    }
    return files;
  }

  /** Returns a disk's place in the boot order, -1 if it has none. */
  long bootIndex(String deviceId) {
    return monitor
        .execute(
            "qom-get", Map.of("path", "/machine/peripheral/" + deviceId, "property", "bootindex"))
        .number("");
  }

  /** Returns the names of objects that were added, or came with the board. */
  Set<String> objects() {
    Set<String> names = new HashSet<>();
    for (QmpResult object :
        monitor.execute("qom-list", Map.of("path", "/objects")).list("")) {
      names.add(object.text("/name"));
    }
    return names;
  }
}
