package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The disks, NICs, processors and memory of a machine: what its record wants, made true in its QEMU, whether
 * the guest has started yet or not. All is looked at first, so that it does not matter how far an earlier
 * process came.
 */
public final class Devices {
  private final Context cx;
  private final MachineRecord record;
  private final Map<String, Plug> missing = new LinkedHashMap<>();
  private final Map<String, VolumeStatus> volumes = new LinkedHashMap<>();

  private Devices(Context cx, MachineRecord record) {
    this.cx = cx;
    this.record = record;
  }

  /**
   * Collects what a machine depends on that is not launched yet. Changes nothing.
   *
   * @param cx where the statuses come from
   * @param record the machine
   * @return the devices
   * @throws N0Exception PRECONDITION if a volume or port is not ready
   */
  public static Devices all(Context cx, MachineRecord record) {
    return missing(cx, record, Set.of());
  }

  /**
   * Collects what those devices depend on that a machine does not have yet. Changes nothing.
   *
   * @param cx where the statuses come from
   * @param record the machine
   * @param present the ids of the devices that it has
   * @return the devices
   * @throws N0Exception PRECONDITION if a volume or port is not ready
   */
  static Devices missing(Context cx, MachineRecord record, Set<String> present) {
    Devices devices = new Devices(cx, record);
    MachineSpec spec = record.spec();
    String controller = Addresses.PCI + Addresses.CONTROLLER;
    if (Addresses.wanted(spec).contains(controller) && !present.contains(Addresses.CONTROLLER)) {
      devices.missing.put(controller, Plug.controller(controller, devices.place(controller)));
    }
    for (Disk disk : spec.disks()) {
      if (!present.contains(Addresses.id(disk))) {
        VolumeStatus volume = cx.require(StorageDriver.KIND, disk.volume(), VolumeStatus.class);
        devices.volumes.put(disk.volume(), volume);
        String key = Addresses.key(disk);
        devices.missing.put(key, Plug.disk(disk, volume, devices.place(key)));
      }
    }
    for (Nic nic : spec.nics()) {
      if (!present.contains(Addresses.id(nic))) {
        PortStatus port = cx.require(PortDriver.KIND, nic.port(), PortStatus.class);
        String key = Addresses.key(nic);
        devices.missing.put(key, Plug.nic(key, port, tap(cx, nic), devices.place(key)));
      }
    }
    return devices;
  }

  /** A tap that the port's driver opens need not be one that QEMU's user may open. */
  private static Optional<Plug.Tap> tap(Context cx, Nic nic) {
    Optional<ResourceId> port = cx.identify(PortDriver.KIND, nic.port());
    return cx.capability(PortDriver.KIND, TapQueues.class)
        .flatMap(queues -> port.map(id -> () -> queues.open(id, 1)));
  }

  private Map<String, Object> place(String key) {
    Integer index = record.addresses().get(key);
    if (index == null) {
      throw new IllegalStateException(key + " has no address in " + record.addresses());
    }
    return Addresses.properties(key, index, record.running().chipset());
  }

  /**
   * Makes the record true in a QEMU.
   *
   * @param monitor the machine
   * @param run its launch
   * @param patience how long the guest may take to release what is to go
   * @return what is so now: the record, finished, less the addresses that are free again
   * @throws N0Exception BUSY, after all else was done, if the guest has not released a device yet; EXHAUSTED,
   *     before anything was done, if there is no free place on the board
   */
  public MachineRecord converge(Monitor monitor, Run run, Duration patience) {
    Found found = new Found(monitor);
    Set<String> present = found.devices();
    requirePorts(present);
    Set<String> obsolete = obsolete(present);
    if (found.moving() && !(obsolete.isEmpty() && missing.isEmpty())) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          record.id().toString(),
          "plug and unplug devices of " + record.id() + ": it is being moved or saved");
    }
    List<String> pending = new ArrayList<>();
    Unplugger unplugger = new Unplugger(cx, monitor, run, patience);
    for (String key : obsolete) {
      String id = Addresses.id(key);
      if (!cx.step("unplug " + label(id), () -> unplugger.remove(id))) {
        pending.add(key);
      }
    }
    for (Plug plug : missing.values()) {
      if (unplugger.asked(plug.id())) { // the guest has released what is wanted again
        cx.step("put away what was " + label(plug.id()), () -> unplugger.remove(plug.id()));
      }
    }
    plugMissing(monitor);
    orderBoot(monitor, present);
    Map<String, Integer> places = grow(monitor);
    obsolete.stream().filter(key -> !pending.contains(key)).forEach(places::remove);
    MachineRecord now = record.at(places);
    return pending.isEmpty() ? now.finished() : now.wanting(record.spec(), Unfinished.DEVICES);
  }

  /**
   * Plugs in what is missing, and takes nothing out: for a board that is to be the same as another one, whose
   * guest is still to arrive.
   *
   * @param monitor the machine, its guest not yet started
   */
  public void plug(Monitor monitor) {
    requirePorts(monitor.devices());
    plugMissing(monitor);
    Map<String, Integer> unused = grow(monitor);
  }

  private void plugMissing(Monitor monitor) {
    missing
        .values()
        .forEach(
            plug -> cx.step("plug " + label(plug.id()), () -> new Plugger(monitor).plug(plug)));
  }

  private void requirePorts(Set<String> present) {
    for (Plug plug : missing.values()) {
      Object bus = plug.device().getOrDefault("bus", "");
      boolean scsi = plug.key().startsWith(Addresses.SCSI);
      if (!scsi && record.running().chipset() != Chipset.PC && !present.contains(bus.toString())) {
        throw new N0Exception(
            N0Exception.Code.EXHAUSTED,
            "disks and nics",
            "plug " + label(plug.id())
                + ": the board has no free port; it gets more when it is started anew");
      }
    }
  }

  /** Finds what is or was plugged and is not wanted, by its address' key. */
  private Set<String> obsolete(Set<String> present) {
    Set<String> wanted = new LinkedHashSet<>();
    Addresses.wanted(record.spec()).forEach(key -> wanted.add(Addresses.id(key)));
    Map<String, String> byId = new HashMap<>();
    present.forEach(id -> byId.put(id, Addresses.PCI + id));
    record.addresses().keySet().forEach(key -> byId.put(Addresses.id(key), key));
    Set<String> keys = new LinkedHashSet<>();
    byId.keySet().stream()
        .filter(id -> id.startsWith("disk-") || id.startsWith("nic-"))
        .filter(id -> !wanted.contains(id))
        .sorted()
        .forEach(id -> keys.add(byId.getOrDefault(id, id)));
    return keys;
  }

  /** Takes effect when the guest is next started or reset. */
  private void orderBoot(Monitor monitor, Set<String> present) {
    Found found = new Found(monitor);
    for (Disk disk : record.spec().disks()) {
      String id = Addresses.id(disk);
      int order = disk.bootOrder().orElse(-1);
      if (present.contains(id) && found.bootIndex(id) != order) {
        Map<String, Object> property =
            Map.of("path", "/machine/peripheral/" + id, "property", "bootindex", "value", order);
        cx.step("set the boot order of " + label(id), () -> {
          monitor.execute("qom-set", property);
        });
      }
    }
  }

  private Map<String, Integer> grow(Monitor monitor) {
    MachineSpec spec = record.spec();
    Map<String, Integer> places = new HashMap<>(record.addresses());
    if (Changes.mostVcpus(record.running()) > record.running().vcpus()) {
      Processors processors = new Processors(monitor);
      List<String> more = processors.missing(spec.vcpus());
      if (!more.isEmpty()) {
        cx.step("plug " + more.size() + " vCPUs", () -> processors.plug(spec.vcpus()));
      }
      int order = 0;
      for (String id : processors.plugged()) {
        places.put(Addresses.CPU + id, order++);
      }
    }
    if (Changes.mostBytes(record.running()) > record.running().memoryBytes()) {
      Dimms dimms = new Dimms(monitor);
      if (dimms.missing(spec) > 0) {
        cx.step("plug memory", () -> dimms.plug(spec, recorded()));
      }
      dimms.sizes().forEach((id, bytes) -> places.put(Addresses.DIMM + id, (int) (bytes >> 20)));
    }
    return places;
  }

  /** Returns the sizes of the DIMMs that the guest has, on this host or where it comes from. */
  private Map<String, Long> recorded() {
    // In the order of plugging, dimm10 after dimm9: QEMU places each after the one before.
    Map<String, Long> sizes = new TreeMap<>(
        Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()));
    record.addresses().forEach((key, mib) -> {
      if (key.startsWith(Addresses.DIMM)) {
        sizes.put(Addresses.id(key), (long) mib << 20);
      }
    });
    return sizes;
  }

  /**
   * Returns the volumes that are to be plugged in, which QEMU's user must be able to open by then.
   *
   * @return statuses by name
   */
  public Map<String, VolumeStatus> volumes() {
    return Map.copyOf(volumes);
  }

  /**
   * Says whether something is to be plugged in.
   *
   * @return true if the machine lacks a disk or NIC
   */
  boolean anyMissing() {
    return !missing.isEmpty();
  }

  /**
   * What became of requests to the guest.
   *
   * @param pending what it has not released yet, as in {@link
   *     io.n0stack.n0core.api.compute.MachineStatus#unplugging}
   * @param released whether it has released something that was not put away yet
   */
  public record Requests(List<String> pending, boolean released) {}

  static Requests requests(Run run, Monitor monitor) {
    List<String> asked = new Unplugged(run).all();
    Set<String> present = asked.isEmpty() ? Set.of() : monitor.devices();
    List<String> pending = asked.stream()
        .filter(present::contains)
        .map(id -> id.replaceFirst("-", ":"))
        .toList();
    return new Requests(pending, pending.size() < asked.size());
  }

  /**
   * Looks what became of requests to the guest of a launch, asking QEMU only if there were any.
   *
   * @param name the machine's name
   * @param run the launch
   * @param monitors the connections
   * @param limit the time allowed
   * @return what it has released and what not
   */
  public static Requests requests(String name, Run run, Monitors monitors, Duration limit) {
    if (new Unplugged(run).all().isEmpty()) {
      return new Requests(List.of(), false);
    }
    try (Monitor monitor = monitors.toLook(name, run, limit)) {
      return requests(run, monitor);
    }
  }

  private static String label(String id) {
    int dash = id.indexOf('-');
    return dash < 0 ? id : id.substring(0, dash) + " \"" + id.substring(dash + 1) + "\"";
  }

  /** Takes back what a failed step had done; what fails at that is told along with the failure. */
  static void undo(QmpException why, Runnable step) {
    try {
      step.run();
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  /** Derives a block node's name from a volume's. */
  static String nodeName(String volume) {
    return Plug.nodeName(volume);
  }

  /**
   * Says whether the firmware must be told the order of disks that were plugged in after it looked.
   *
   * @param spec the machine
   * @return true if a disk has a boot order
   */
  public static boolean bootsFromDisk(MachineSpec spec) {
    return spec.disks().stream().map(Disk::bootOrder).anyMatch(Optional::isPresent);
  }
}
