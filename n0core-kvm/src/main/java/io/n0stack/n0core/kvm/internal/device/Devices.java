package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
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
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.record.Addresses;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.VolumeAccess;
import java.nio.file.Path;
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
import java.util.stream.Stream;

/**
 * The disks, NICs, processors and memory of a machine: what its record wants, made true in its QEMU, whether
 * the guest has started yet or not. All is looked at first, so that it does not matter how far an earlier
 * process came.
 */
public final class Devices {
  private final Context cx;
  private final MachineRecord record;
  private final boolean fresh;
  private final Map<String, Plug> missing = new LinkedHashMap<>();
  private final Map<String, VolumeStatus> volumes = new LinkedHashMap<>();
  private final Map<String, Disk> writable = new HashMap<>();
  private final List<Plug> drives = new ArrayList<>();

  private Devices(Context cx, MachineRecord record, boolean fresh) {
    this.cx = cx;
    this.record = record;
    this.fresh = fresh;
  }

  /**
   * Collects what a machine depends on that is not launched yet. Changes nothing. What is plugged into its new QEMU is not
   * looked for there before.
   *
   * @param cx where the statuses come from
   * @param record the machine
   * @return the devices
   * @throws N0Exception PRECONDITION if a volume or port is not ready, or the guest could write to a volume that must
   *     not be written to
   */
  public static Devices all(Context cx, MachineRecord record) {
    return collected(new Devices(cx, record, true), Set.of());
  }

  /**
   * Collects what those devices depend on that a machine does not have yet. Changes nothing.
   *
   * @param cx where the statuses come from
   * @param record the machine
   * @param present the ids of the devices that it has
   * @return the devices
   * @throws N0Exception PRECONDITION if a volume or port is not ready, or the guest could write to a volume that must
   *     not be written to
   */
  public static Devices missing(Context cx, MachineRecord record, Set<String> present) {
    return collected(new Devices(cx, record, false), present);
  }

  private static Devices collected(Devices devices, Set<String> present) {
    Context cx = devices.cx;
    MachineRecord record = devices.record;
    MachineSpec spec = record.spec();
    String controller = Addresses.PCI + Addresses.CONTROLLER;
    if (Addresses.wanted(spec).contains(controller) && !present.contains(Addresses.CONTROLLER)) {
      devices.missing.put(controller, Plug.controller(controller, devices.place(controller)));
    }
    for (Disk disk : spec.disks()) {
      if (!present.contains(Addresses.id(disk))) {
        VolumeStatus volume = cx.require(StorageDriver.KIND, disk.volume(), VolumeStatus.class);
        String key = Addresses.key(disk);
        if (WritableDisks.isWritable(disk)) {
          WritableDisks.require(record.id(), disk.volume(), volume);
          devices.writable.put(key, disk);
        }
        devices.volumes.put(disk.volume(), volume);
        devices.missing.put(key, Plug.disk(disk, volume, devices.place(key)));
      }
    }
    for (Cdrom drive : Addresses.drives(spec)) {
      Plug plug = devices.drive(drive);
      devices.drives.add(plug);
      if (!present.contains(plug.id())) {
        devices.missing.put(plug.key(), plug);
      }
    }
    for (Nic nic : spec.nics()) {
      if (!present.contains(Addresses.id(nic))) {
        PortStatus port = cx.require(PortDriver.KIND, nic.port(), PortStatus.class);
        String key = Addresses.key(nic);
        Optional<Plug.Tap> tap = tap(cx, nic);
        requireQueues(nic, tap);
        devices.missing.put(key, Plug.nic(nic, port, tap, devices.place(key)));
      }
    }
    return devices;
  }

  private Plug drive(Cdrom drive) {
    Map<String, Object> place = place(Addresses.key(drive));
    if (drive.volume().isEmpty()) {
      return Plug.cdrom(drive, place);
    }
    String name = drive.volume().get();
    VolumeStatus medium = cx.require(StorageDriver.KIND, name, VolumeStatus.class);
    if (medium.encryption().isPresent()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "hardware.cdroms.volume",
          "unsupported hardware.cdroms.volume \"" + name + "\": must not be encrypted");
    }
    volumes.put(name, medium);
    return Plug.cdrom(drive, medium, place);
  }

  /** A tap that the port's driver opens need not be one that QEMU's user may open. */
  private static Optional<Plug.Tap> tap(Context cx, Nic nic) {
    Optional<ResourceId> port = cx.identify(PortDriver.KIND, nic.port());
    return cx.capability(PortDriver.KIND, TapQueues.class)
        .flatMap(queues -> port.map(id -> () -> queues.open(id, Plug.queues(nic))));
  }

  /** A tap that has not as many queues is found out before anything is touched. */
  private static void requireQueues(Nic nic, Optional<Plug.Tap> tap) {
    if (Plug.queues(nic) == 1) {
      return;
    }
    if (tap.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "nic.queues",
          "unsupported nic.queues " + Plug.queues(nic) + " of port \"" + nic.port()
              + "\": the driver of ports must lend the queues of its taps");
    }
    try {
      tap.get().open().close();
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.BUSY) { // by what an earlier process lent to this machine
        throw new N0Exception(
            e.code(),
            "nic.queues",
            "open nic.queues " + Plug.queues(nic) + " of port \"" + nic.port() + "\": "
                + e.getMessage(),
            e);
      }
    }
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
    if (!fresh
        && found.moving()
        && !(obsolete.isEmpty() && missing.isEmpty() && isLargeEnough(monitor))) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          record.id().toString(),
          "plug and unplug devices of " + record.id() + ": it is being moved or saved");
    }
    List<String> pending = new ArrayList<>();
    Revocation revocation = new Revocation(monitor, run, volumes.values());
    Unplugger unplugger = new Unplugger(cx, monitor, run, revocation, patience);
    for (String key : obsolete) {
      String id = Addresses.id(key);
      if (!cx.step("unplug " + label(id), () -> unplugger.remove(id))) {
        pending.add(key);
      }
    }
    for (Plug plug : missing.values()) {
      if (unplugger.asked(plug.id())) { // the guest has released what is wanted again
        cx.step("put away what was " + label(plug.id()), () -> unplugger.putAway(plug.id()));
      }
    }
    Cdroms cdroms = new Cdroms(cx, monitor, run, revocation, patience);
    Set<String> held = new LinkedHashSet<>();
    List<Plug> old =
        drives.stream().filter(drive -> present.contains(drive.id())).toList();
    old.stream().filter(drive -> !cdroms.empty(drive)).forEach(drive -> held.add(drive.id()));
    drives.stream().filter(drive -> missing.containsKey(drive.key())).forEach(cdroms::begin);
    plugMissing(monitor);
    drives.stream()
        .filter(drive -> !held.contains(drive.id()) && !cdroms.fill(drive))
        .forEach(drive -> held.add(drive.id()));
    orderBoot(monitor, present);
    Map<String, Integer> places = grow(monitor);
    tune(monitor, run, present);
    obsolete.stream().filter(key -> !pending.contains(key)).forEach(places::remove);
    MachineRecord now = record.at(places);
    return pending.isEmpty() && held.isEmpty()
        ? now.finished()
        : now.wanting(record.spec(), Unfinished.DEVICES);
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
    if (Throttles.wanted(record.spec())) {
      new Throttles(monitor).adjust(cx, record.spec());
    }
  }

  /**
   * Takes back what QEMU's user was allowed of disks that the machine lost while it was off, or that its launch before
   * was to lose and did not before it ended.
   *
   * @param monitor the machine, which has all its disks
   * @param run its launch
   * @param before the launch before, of which there may be nothing
   */
  public void takeBack(Monitor monitor, Run run, Run before) {
    List<String> volumes = volumes(record.spec());
    Set<Path> files = new LinkedHashSet<>(VolumeAccess.obsolete(MachineDirectory.of(run), volumes));
    Unplugged requests = new Unplugged(before);
    List<String> noted = requests.all();
    noted.stream()
        .filter(id -> volumes.stream().noneMatch(name -> id.equals("disk-" + name)))
        .forEach(id -> requests.find(id).ifPresent(request -> files.addAll(request.files())));
    if (!files.isEmpty() || !noted.isEmpty()) {
      cx.step("shut volumes that are gone", () -> {
        new Revocation(monitor, run, this.volumes.values()).of(files);
        noted.forEach(requests::forget);
      });
    }
  }

  private void tune(Monitor monitor, Run run, Set<String> before) {
    // What was plugged in just now has no limits yet.
    if (Throttles.wanted(record.spec()) || before.stream().anyMatch(id -> id.startsWith("disk-"))) {
      new Throttles(monitor).adjust(cx, record.spec());
    }
    new Balloon(monitor, run).adjust(cx, record.spec());
  }

  private void plugMissing(Monitor monitor) {
    Plugger plugger = fresh ? Plugger.ofNew(monitor) : Plugger.of(monitor);
    missing
        .values()
        .forEach(
            plug -> cx.step("plug " + label(plug.id()), () -> plugger.plug(plug, opened(plug))));
  }

  private Runnable opened(Plug plug) {
    Optional<Disk> disk = Optional.ofNullable(writable.get(plug.key()));
    return () -> disk.ifPresent(one -> WritableDisks.requireStill(cx, record.id(), one));
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
        .filter(id -> id.startsWith("disk-") || id.startsWith("nic-") || id.startsWith("cd-"))
        .filter(id -> !wanted.contains(id))
        .sorted()
        .forEach(id -> keys.add(byId.getOrDefault(id, id)));
    return keys;
  }

  /** Takes effect when the guest is next started or reset. */
  private void orderBoot(Monitor monitor, Set<String> present) {
    Found found = new Found(monitor);
    Map<String, Integer> orders = new LinkedHashMap<>();
    record.spec().disks().forEach(d -> orders.put(Addresses.id(d), d.bootOrder().orElse(-1)));
    Addresses.drives(record.spec())
        .forEach(d -> orders.put(Addresses.id(d), d.bootOrder().orElse(-1)));
    orders.forEach((id, order) -> {
      if (present.contains(id) && found.bootIndex(id) != order) {
        Map<String, Object> property =
            Map.of("path", "/machine/peripheral/" + id, "property", "bootindex", "value", order);
        cx.step("set the boot order of " + label(id), () -> {
          monitor.execute("qom-set", property);
        });
      }
    });
  }

  private boolean takesVcpus() {
    return Changes.mostVcpus(record.running()) > record.running().vcpus();
  }

  private boolean takesMemory() {
    return Changes.mostBytes(record.running()) > record.running().memoryBytes();
  }

  private boolean isLargeEnough(Monitor monitor) {
    MachineSpec spec = record.spec();
    return (!takesVcpus() || new Processors(monitor).missing(spec.vcpus()).isEmpty())
        && (!takesMemory() || new Dimms(monitor).missing(spec) == 0);
  }

  private Map<String, Integer> grow(Monitor monitor) {
    MachineSpec spec = record.spec();
    Map<String, Integer> places = new HashMap<>(record.addresses());
    if (takesVcpus()) {
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
    if (takesMemory()) {
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
   * Lists the volumes that a machine has, in its disks and its drives.
   *
   * @param spec the machine
   * @return their names
   */
  public static List<String> volumes(MachineSpec spec) {
    return Stream.concat(
            spec.disks().stream().map(Disk::volume),
            Addresses.drives(spec).stream().flatMap(drive -> drive.volume().stream()))
        .toList();
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
  public boolean anyMissing() {
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

  /**
   * Compares what the guest was asked to release with what it still has.
   *
   * @param run the launch that keeps the requests
   * @param monitor the machine
   * @return what it has released and what not
   */
  public static Requests requests(Run run, Monitor monitor) {
    List<String> asked = new Unplugged(run).all();
    Set<String> present = asked.isEmpty() ? Set.of() : monitor.devices();
    List<String> pending = asked.stream().filter(present::contains).toList();
    Set<String> all = new LinkedHashSet<>(pending);
    all.addAll(new Media(run).all());
    return new Requests(
        all.stream().map(id -> id.replaceFirst("-", ":")).toList(), pending.size() < asked.size());
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
    if (new Unplugged(run).all().isEmpty() && new Media(run).all().isEmpty()) {
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
  static void undo(N0Exception why, Runnable step) {
    try {
      step.run();
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  /**
   * Derives a block node's name from a volume's.
   *
   * @param volume the volume
   * @return at most 31 characters, the same at every call
   */
  public static String nodeName(String volume) {
    return Plug.nodeName(volume);
  }

  /**
   * Says whether the firmware must be told the order of disks that were plugged in after it looked.
   *
   * @param spec the machine
   * @return true if a disk has a boot order
   */
  public static boolean bootsFromDisk(MachineSpec spec) {
    return spec.disks().stream().map(Disk::bootOrder).anyMatch(Optional::isPresent)
        || Addresses.drives(spec).stream().map(Cdrom::bootOrder).anyMatch(Optional::isPresent);
  }
}
