package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.api.storage.StorageDriver;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A virtual machine.
 *
 * @param vcpus number of virtual CPUs, 1 to 1024
 * @param memoryBytes memory, a multiple of 1 MiB, 1 MiB to 16 TiB
 * @param disks the disks in the order in which the guest sees them, each volume once
 * @param nics the NICs in the order in which the guest sees them, each port once
 * @param firmware what it runs first
 * @param chipset the board
 * @param accelerator what executes the guest's instructions
 * @param display what screen it has
 * @param powerPolicy when the agent starts it
 * @param cloudInit what the guest is told at its first boot
 * @param limits what it may use of the host
 * @param hardware what is unusual about its board; empty for nothing
 * @since 0.1
 */
public record MachineSpec(
    int vcpus,
    long memoryBytes,
    List<Disk> disks,
    List<Nic> nics,
    Firmware firmware,
    Chipset chipset,
    Accelerator accelerator,
    Display display,
    PowerPolicy powerPolicy,
    Optional<CloudInit> cloudInit,
    Optional<Limits> limits,
    Optional<Hardware> hardware)
    implements Spec {
  private static final long MIB = 1 << 20;
  private static final int MOST_QUEUES = 16;

  /** The board. */
  public enum Chipset {
    /** PCI Express. */
    Q35,
    /** PCI, i440FX. */
    PC,
    /** As little as a guest needs, with PCI Express. */
    MICROVM
  }

  /** What screen the machine has. */
  public enum Display {
    /** None; only the serial console. */
    NONE,
    /** A VGA screen, shown by VNC. */
    VNC
  }

  /**
   * A disk of the machine.
   *
   * @param volume name of the volume, on the same host
   * @param bootOrder 0 boots first; empty if it is not booted from
   * @param model what the guest sees it as; empty for {@link DiskModel#VIRTIO_BLK}
   * @param limits how much the guest may ask of it; empty for no limits
   * @param tuning how the host does its input and output; empty as for everybody
   */
  public record Disk(
      String volume,
      Optional<Integer> bootOrder,
      Optional<DiskModel> model,
      Optional<DiskLimits> limits,
      Optional<DiskTuning> tuning) {
    /** Checks name and order. */
    public Disk {
      Rules.label("disk.volume", volume);
      bootOrder.ifPresent(order -> Rules.range("disk.bootOrder", order, 0, 255));
    }

    /**
     * Describes a disk without limits, treated as everybody's.
     *
     * @param volume name of the volume
     * @param bootOrder 0 boots first; empty if it is not booted from
     * @param model what the guest sees it as; empty for {@link DiskModel#VIRTIO_BLK}
     */
    public Disk(String volume, Optional<Integer> bootOrder, Optional<DiskModel> model) {
      this(volume, bootOrder, model, Optional.empty(), Optional.empty());
    }

    /**
     * Limits what the guest may ask of it.
     *
     * @param other the limits
     * @return a changed copy
     */
    public Disk withLimits(DiskLimits other) {
      return new Disk(volume, bootOrder, model, Optional.of(other), tuning);
    }

    /**
     * Changes how the host does its input and output.
     *
     * @param other how
     * @return a changed copy
     */
    public Disk withTuning(DiskTuning other) {
      return new Disk(volume, bootOrder, model, limits, Optional.of(other));
    }
  }

  /** What the guest sees a disk as. */
  public enum DiskModel {
    /** A virtio block device of its own. */
    VIRTIO_BLK,
    /** A disk on the machine's virtio SCSI controller. */
    VIRTIO_SCSI,
    /** An NVMe drive; cannot be unplugged before it is released by the guest. */
    NVME,
    /** A CD-ROM, read only, on the machine's virtio SCSI controller. */
    CDROM
  }

  /**
   * A NIC of the machine.
   *
   * @param port name of the port, on the same host
   * @param queues how many processors can send and receive at once, 1 to 16 and at most as many as there can be;
   *     more than 1 needs a multiqueue tap; empty for 1
   */
  public record Nic(String port, Optional<Integer> queues) {
    /** Checks name and number. */
    public Nic {
      Rules.label("nic.port", port);
      queues.ifPresent(n -> Rules.range("nic.queues", n, 1, MOST_QUEUES));
    }

    /**
     * Describes a NIC with one queue.
     *
     * @param port name of the port
     */
    public Nic(String port) {
      this(port, Optional.empty());
    }

    /**
     * Changes how many processors can send and receive at once.
     *
     * @param other how many
     * @return a changed copy
     */
    public Nic withQueues(int other) {
      return new Nic(port, Optional.of(other));
    }
  }

  /**
   * What a guest with cloud-init is told at its first boot.
   *
   * @param hostname an RFC 1123 label
   * @param user the user that is created, with sudo and a locked password
   * @param authorizedKeys OpenSSH public keys of that user
   */
  public record CloudInit(String hostname, String user, List<String> authorizedKeys) {
    /** Checks names and keys. */
    public CloudInit {
      Rules.label("cloudInit.hostname", hostname);
      Rules.label("cloudInit.user", user);
      authorizedKeys = List.copyOf(authorizedKeys);
      authorizedKeys.forEach(key -> Rules.text("cloudInit.authorizedKeys", key, 16384));
    }
  }

  /**
   * What the machine's process may use of the host.
   *
   * @param cpuMilliCores thousandths of a core, at least 10; empty for no limit
   * @param memoryBytes memory of the whole process, more than the guest's; empty for no limit
   * @param maxTasks threads, at least 16; empty for no limit
   * @param ioWeight share of the disks beside others, 1 to 10000, 100 being usual; empty for that
   */
  public record Limits(
      Optional<Integer> cpuMilliCores,
      Optional<Long> memoryBytes,
      Optional<Integer> maxTasks,
      Optional<Integer> ioWeight) {
    /** Checks the numbers. */
    public Limits {
      cpuMilliCores.ifPresent(n -> Rules.range("limits.cpuMilliCores", n, 10, 1_024_000));
      memoryBytes.ifPresent(n -> Rules.range("limits.memoryBytes", n, MIB, Long.MAX_VALUE));
      maxTasks.ifPresent(n -> Rules.range("limits.maxTasks", n, 16, 1 << 22));
      ioWeight.ifPresent(n -> Rules.range("limits.ioWeight", n, 1, 10_000));
    }
  }

  /** Checks numbers and references. */
  public MachineSpec {
    Rules.range("vcpus", vcpus, 1, 1024);
    Rules.range("memoryBytes", memoryBytes, MIB, MIB << 24);
    if (memoryBytes % MIB != 0) {
      throw N0Exception.invalid("memoryBytes", memoryBytes, "must be a multiple of 1048576");
    }
    disks = List.copyOf(disks);
    nics = List.copyOf(nics);
    List<Cdrom> drives = hardware.map(Hardware::cdroms).orElse(List.of());
    requireDistinct(
        "disks",
        Stream.concat(
                disks.stream().map(Disk::volume), drives.stream().flatMap(d -> d.volume().stream()))
            .toList());
    requireDistinct(
        "disks.bootOrder",
        Stream.concat(
                disks.stream().flatMap(d -> d.bootOrder().stream()),
                drives.stream().flatMap(d -> d.bootOrder().stream()))
            .toList());
    requireDistinct("nics", nics.stream().map(Nic::port).toList());
    if (limits
        .flatMap(Limits::memoryBytes)
        .filter(limit -> limit <= memoryBytes)
        .isPresent()) {
      throw N0Exception.invalid(
          "limits.memoryBytes", limits.get().memoryBytes().get(), "must be more than memoryBytes");
    }
    hardware.flatMap(Hardware::cpu).ifPresent(cpu -> check(cpu, vcpus));
    hardware
        .flatMap(Hardware::memory)
        .flatMap(Hardware.Memory::mostBytes)
        .filter(most -> most < memoryBytes)
        .ifPresent(most -> {
          throw N0Exception.invalid(
              "hardware.memory.mostBytes", most, "must be at least memoryBytes, " + memoryBytes);
        });
    hardware
        .flatMap(Hardware::memory)
        .flatMap(Hardware.Memory::targetBytes)
        .filter(target -> target > memoryBytes)
        .ifPresent(target -> {
          throw N0Exception.invalid(
              "hardware.memory.targetBytes", target, "must be at most memoryBytes, " + memoryBytes);
        });
    int processors =
        hardware.flatMap(Hardware::cpu).flatMap(Hardware.Cpu::mostVcpus).orElse(vcpus);
    for (Nic nic : nics) {
      nic.queues().filter(n -> n > processors).ifPresent(n -> {
        throw N0Exception.invalid(
            "nic.queues", n, "must be at most as many as there can be vCPUs, " + processors);
      });
    }
  }

  private static void check(Hardware.Cpu cpu, int vcpus) {
    int most = cpu.mostVcpus().orElse(vcpus);
    if (most < vcpus) {
      throw N0Exception.invalid("hardware.cpu.mostVcpus", most, "must be at least vcpus, " + vcpus);
    }
    cpu.topology().filter(topology -> topology.vcpus() != most).ifPresent(topology -> {
      throw N0Exception.invalid(
          "hardware.cpu.topology",
          topology,
          "must have as many processors as can be plugged, " + most);
    });
  }

  private static void requireDistinct(String field, List<?> values) {
    if (values.stream().distinct().count() < values.size()) {
      throw N0Exception.invalid(field, values, "must name each once");
    }
  }

  @Override
  public Set<Reference> dependencies() {
    Set<Reference> all = new LinkedHashSet<>();
    disks.forEach(disk -> all.add(new Reference(StorageDriver.KIND, disk.volume())));
    hardware.map(Hardware::cdroms).orElse(List.of()).stream()
        .flatMap(drive -> drive.volume().stream())
        .forEach(medium -> all.add(new Reference(StorageDriver.KIND, medium)));
    nics.forEach(nic -> all.add(new Reference(PortDriver.KIND, nic.port())));
    return Set.copyOf(all);
  }

  /**
   * Makes a machine that boots from one volume and has one NIC; otherwise with the defaults of {@link
   * #builder}.
   *
   * @param vcpus number of virtual CPUs, 1 to 1024
   * @param memoryBytes memory, a multiple of 1 MiB
   * @param volume name of the volume it boots from
   * @param port name of the port that its NIC is plugged into
   * @return the spec
   */
  public static MachineSpec of(int vcpus, long memoryBytes, String volume, String port) {
    return builder(vcpus, memoryBytes).bootDisk(volume).nic(port).build();
  }

  /**
   * Begins a machine: SeaBIOS, q35, best accelerator, no screen, restarted on failure.
   *
   * @param vcpus number of virtual CPUs, 1 to 1024
   * @param memoryBytes memory, a multiple of 1 MiB
   * @return a builder for one thread
   */
  public static Builder builder(int vcpus, long memoryBytes) {
    return new Builder(vcpus, memoryBytes);
  }

  /**
   * Begins a machine like this one, with other numbers.
   *
   * @param otherVcpus number of virtual CPUs
   * @param otherMemoryBytes memory, a multiple of 1 MiB
   * @return a builder with all else as it is here, for one thread
   */
  public Builder toBuilder(int otherVcpus, long otherMemoryBytes) {
    return new Builder(otherVcpus, otherMemoryBytes).copy(this);
  }

  /** Collects the optional parts of a machine. Used by one thread. */
  public static final class Builder {
    private final int vcpus;
    private final long memoryBytes;
    private final List<Disk> disks = new ArrayList<>();
    private final List<Nic> nics = new ArrayList<>();
    private Firmware firmware = new Firmware.Bios();
    private Chipset chipset = Chipset.Q35;
    private Accelerator accelerator = Accelerator.AUTO;
    private Display display = Display.NONE;
    private PowerPolicy powerPolicy = PowerPolicy.RESTART_ON_FAILURE;
    private Optional<CloudInit> cloudInit = Optional.empty();
    private Optional<Limits> limits = Optional.empty();
    private Optional<Hardware> hardware = Optional.empty();

    private Builder(int vcpus, long memoryBytes) {
      this.vcpus = vcpus;
      this.memoryBytes = memoryBytes;
    }

    /**
     * Adds a disk that is booted from, after those added before.
     *
     * @param volume name of the volume
     * @return this
     */
    public Builder bootDisk(String volume) {
      int order =
          (int) disks.stream().filter(disk -> disk.bootOrder().isPresent()).count();
      disks.add(new Disk(volume, Optional.of(order), Optional.empty()));
      return this;
    }

    /**
     * Adds a disk that is not booted from.
     *
     * @param volume name of the volume
     * @return this
     */
    public Builder disk(String volume) {
      disks.add(new Disk(volume, Optional.empty(), Optional.empty()));
      return this;
    }

    /**
     * Adds a disk that is not booted from.
     *
     * @param volume name of the volume
     * @param model what the guest sees it as
     * @return this
     */
    public Builder disk(String volume, DiskModel model) {
      disks.add(new Disk(volume, Optional.empty(), Optional.of(model)));
      return this;
    }

    /**
     * Adds a disk, after those added before.
     *
     * @param disk the disk
     * @return this
     */
    public Builder disk(Disk disk) {
      disks.add(disk);
      return this;
    }

    /**
     * Adds a NIC.
     *
     * @param port name of the port
     * @return this
     */
    public Builder nic(String port) {
      return nic(new Nic(port));
    }

    /**
     * Adds a NIC, after those added before.
     *
     * @param nic the NIC
     * @return this
     */
    public Builder nic(Nic nic) {
      nics.add(nic);
      return this;
    }

    /**
     * Sets what the machine runs first.
     *
     * @param first the firmware
     * @return this
     */
    public Builder firmware(Firmware first) {
      firmware = first;
      return this;
    }

    /**
     * Sets the board.
     *
     * @param board the chipset
     * @return this
     */
    public Builder chipset(Chipset board) {
      chipset = board;
      return this;
    }

    /**
     * Sets what executes the guest's instructions.
     *
     * @param which the accelerator
     * @return this
     */
    public Builder accelerator(Accelerator which) {
      accelerator = which;
      return this;
    }

    /**
     * Sets what screen the machine has.
     *
     * @param which the display
     * @return this
     */
    public Builder display(Display which) {
      display = which;
      return this;
    }

    /**
     * Sets when the agent starts the machine.
     *
     * @param policy the policy
     * @return this
     */
    public Builder powerPolicy(PowerPolicy policy) {
      powerPolicy = policy;
      return this;
    }

    /**
     * Sets what the guest is told at its first boot.
     *
     * @param seed the data
     * @return this
     */
    public Builder cloudInit(CloudInit seed) {
      cloudInit = Optional.of(seed);
      return this;
    }

    /**
     * Sets what the machine may use of the host.
     *
     * @param most the limits
     * @return this
     */
    public Builder limits(Limits most) {
      limits = Optional.of(most);
      return this;
    }

    /**
     * Sets what is unusual about its board.
     *
     * @param unusual the hardware
     * @return this
     */
    public Builder hardware(Hardware unusual) {
      hardware = Optional.of(unusual);
      return this;
    }

    /**
     * Checks the parts and makes the spec.
     *
     * @return the spec
     */
    public MachineSpec build() {
      return new MachineSpec(
          vcpus,
          memoryBytes,
          disks,
          nics,
          firmware,
          chipset,
          accelerator,
          display,
          powerPolicy,
          cloudInit,
          limits,
          hardware);
    }

    private Builder copy(MachineSpec from) {
      disks.addAll(from.disks);
      nics.addAll(from.nics);
      firmware = from.firmware;
      chipset = from.chipset;
      accelerator = from.accelerator;
      display = from.display;
      powerPolicy = from.powerPolicy;
      cloudInit = from.cloudInit;
      limits = from.limits;
      hardware = from.hardware;
      return this;
    }
  }
}
