package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.util.List;
import java.util.Map;

/** Plugs one device into a machine, whatever of it is there already. */
final class Plugger {
  private static final int MOST_QUEUES = 16; // of MachineSpec.Nic

  private final Monitor monitor;
  private final Found found;
  private final boolean fresh;

  private Plugger(Monitor monitor, boolean fresh) {
    this.monitor = monitor;
    found = new Found(monitor);
    this.fresh = fresh;
  }

  static Plugger of(Monitor monitor) {
    return new Plugger(monitor, false);
  }

  /** Of a QEMU that has just been launched: nobody has plugged anything into it, so that it need not be asked. */
  static Plugger ofNew(Monitor monitor) {
    return new Plugger(monitor, true);
  }

  /**
   * Plugs a device in.
   *
   * @param opened looks, once the image of a disk is open and before the guest has it, whether it may be; what it
   *     throws is thrown, and the image is closed
   */
  void plug(Plug plug, Runnable opened) {
    if (!fresh && found.device(plug.id())) {
      return;
    }
    if (plug.backend().containsKey("node-name")) {
      addNode(plug);
      try {
        opened.run();
      } catch (N0Exception e) {
        Devices.undo(e, () -> removeBackend(plug));
        throw e;
      }
    } else if (plug.id().startsWith("nic-")) {
      if (!fresh) {
        // No query lists netdevs. One without its NIC is ours and half made, so it may be made
        // again.
        removeNetdev(plug);
      }
      addNetdev(plug);
    }
    try {
      monitor.execute("device_add", plug.device());
    } catch (QmpException e) {
      if (!found.device(plug.id())) { // it may be that an earlier one came late
        Devices.undo(e, () -> removeBackend(plug));
        throw e;
      }
    }
  }

  private void addNetdev(Plug plug) {
    if (plug.tap().isEmpty()) {
      monitor.execute("netdev_add", plug.backend());
      return;
    }
    String netdev = String.valueOf(plug.backend().get("id"));
    List<String> names = Plug.lentNames(netdev, plug.tapQueues());
    if (!fresh) {
      names.forEach(this::closeLent); // an earlier process may have died before they were used
    }
    try (TapQueues.Descriptors tap = open(plug, netdev)) {
      try {
        for (int i = 0; i < names.size(); i++) {
          monitor.execute("getfd", Map.of("fdname", names.get(i)), tap.numbers().get(i));
        }
        monitor.execute("netdev_add", plug.backend()); // which takes them from their names
      } catch (QmpException e) {
        Devices.undo(e, () -> names.forEach(this::closeLent));
        throw e;
      }
    }
  }

  private TapQueues.Descriptors open(Plug plug, String netdev) {
    try {
      return plug.tap().orElseThrow().open();
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.BUSY) {
        throw e;
      }
      // An earlier process may have died when it had lent another number of queues.
      closeLent(netdev);
      Plug.lentNames(netdev, MOST_QUEUES).forEach(this::closeLent);
      return plug.tap().orElseThrow().open();
    }
  }

  private void closeLent(String name) {
    try {
      monitor.execute("closefd", Map.of("fdname", name));
    } catch (QmpException e) {
      if (!e.errorClass().equals("GenericError")) { // the class of "there is none"
        throw e;
      }
    }
  }

  /** Opens the image of a disk, unless it is open. */
  void addNode(Plug plug) {
    String node = String.valueOf(plug.backend().get("node-name"));
    String file = filename(plug);
    String present = fresh ? null : found.nodes().get(node);
    if (present != null && present.equals(file)) {
      return;
    }
    if (present != null) {
      monitor.execute("blockdev-del", Map.of("node-name", node)); // its volume has moved since
    }
    addSecret(plug);
    try {
      monitor.execute("blockdev-add", plug.backend());
    } catch (QmpException e) {
      Devices.undo(e, () -> removeSecret(plug));
      throw e;
    }
  }

  /** Returns the image of a disk, nothing if there is none. */
  static String filename(Plug plug) {
    return plug.backend().get("file") instanceof Map<?, ?> file
        ? String.valueOf(file.get("filename"))
        : "";
  }

  private void addSecret(Plug plug) {
    plug.secret().ifPresent(secret -> {
      Object id = secret.get("id");
      if (!fresh && found.objects().contains(id)) {
        monitor.execute("object-del", Map.of("id", id)); // the passphrase may be another by now
      }
      monitor.execute("object-add", secret);
    });
  }

  private void removeBackend(Plug plug) {
    if (plug.id().startsWith("nic-")) {
      removeNetdev(plug);
    } else if (plug.backend().containsKey("node-name")) {
      monitor.execute("blockdev-del", Map.of("node-name", plug.backend().get("node-name")));
      removeSecret(plug);
    }
  }

  private void removeSecret(Plug plug) {
    plug.keyFile()
        .ifPresent(file -> monitor.execute(
            "object-del", Map.of("id", Plug.secretId(plug.id().substring("disk-".length())))));
  }

  private void removeNetdev(Plug plug) {
    try {
      monitor.execute("netdev_del", Map.of("id", plug.backend().get("id")));
    } catch (QmpException e) {
      if (e.code() != N0Exception.Code.NOT_FOUND) {
        throw e;
      }
    }
  }
}
