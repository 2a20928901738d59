package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.kvm.internal.monitor.BlockDevices;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.nio.file.Path;
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
   * What a disk stands on.
   *
   * @param nodes the block nodes, the active one first
   * @param files the files of its layers, the active one first
   */
  record Chain(List<String> nodes, List<Path> files) {}

  /**
   * Returns what a disk stands on. After a live snapshot that is another than
   * it was plugged with, so it is found through the device.
   */
  Chain chainOf(String deviceId) {
    for (QmpResult block : monitor.execute("query-block").list("")) {
      if (BlockDevices.belongs(block, deviceId)) {
        Optional<QmpResult> medium = block.find("/inserted");
        return medium.map(this::chain).orElse(new Chain(List.of(), List.of()));
      }
    }
    return new Chain(List.of(), List.of());
  }

  /** The edges between nodes are not told, but each layer's file is; nodes that QEMU named go by themselves. */
  private Chain chain(QmpResult medium) {
    Set<String> names = new LinkedHashSet<>(List.of(medium.text("/node-name")));
    List<QmpResult> all = named();
    List<String> files = files(medium);
    for (String file : files) {
      for (QmpResult node : all) {
        String name = node.text("/node-name");
        if (node.text("/file").equals(file) && !name.startsWith("#")) {
          names.add(name);
        }
      }
    }
    return new Chain(
        List.copyOf(names),
        files.stream().filter(file -> file.startsWith("/")).map(Path::of).toList());
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
