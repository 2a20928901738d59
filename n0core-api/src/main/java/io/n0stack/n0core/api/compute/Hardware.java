package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is unusual about a machine's board. What is empty is as QEMU and this SDK have it for everybody.
 *
 * @param cpu what the guest's processors look like
 * @param memory where the guest's memory comes from, and how far it can grow
 * @param shares directories of the host that the guest can mount by virtiofs, each tag once
 * @param tpm the trusted platform module
 * @param watchdog what happens when the guest stops feeding its watchdog; empty for a machine without one
 * @param vsockCid the guest's context id, 3 to 4294967294, unique on the host; empty for no vsock
 * @param rawArguments further arguments of the emulator, passed on as they are and checked by nobody: they
 *     can take away any promise that is made here
 * @param cdroms drives whose medium can be changed while the guest runs, each name once
 * @since 0.1
 */
public record Hardware(
    Optional<Cpu> cpu,
    Optional<Memory> memory,
    List<Share> shares,
    Optional<Tpm> tpm,
    Optional<Watchdog> watchdog,
    Optional<Long> vsockCid,
    List<String> rawArguments,
    List<Cdrom> cdroms) {
  private static final int MOST_SHARES = 16;
  private static final int MOST_CDROMS = 16;
  private static final int MOST_ARGUMENTS = 256;
  private static final long MIB = 1 << 20;

  /** A trusted platform module, emulated. */
  public enum Tpm {
    /** TPM 1.2. */
    VERSION_1_2,
    /** TPM 2.0. */
    VERSION_2_0
  }

  /** What happens when the guest stops feeding its watchdog. */
  public enum Watchdog {
    /** The machine is reset. */
    RESET,
    /** The guest is stopped, and the machine is FAILED until it is resumed or reset. */
    PAUSE,
    /** The machine is turned off. */
    POWEROFF
  }

  /**
   * What the guest's processors look like.
   *
   * @param model a processor of the emulator such as {@code Skylake-Server-v4}; empty for the host's own
   *     under KVM and for all that can be emulated otherwise
   * @param topology how they are arranged; empty for one socket per processor
   * @param mostVcpus how many can be plugged while the guest runs, 1 to 1024; empty for no more than there are
   */
  public record Cpu(
      Optional<String> model, Optional<Topology> topology, Optional<Integer> mostVcpus) {
    /** Checks the name and the number. */
    public Cpu {
      model.ifPresent(name -> {
        Rules.text("hardware.cpu.model", name, 256);
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
          throw N0Exception.invalid(
              "hardware.cpu.model", name, "must be letters, digits, dots, hyphens and underscores");
        }
      });
      mostVcpus.ifPresent(most -> Rules.range("hardware.cpu.mostVcpus", most, 1, 1024));
    }
  }

  /**
   * How processors are arranged.
   *
   * @param sockets packages, 1 to 1024
   * @param cores per socket, 1 to 1024
   * @param threads per core, 1 to 1024
   */
  public record Topology(int sockets, int cores, int threads) {
    /** Checks the numbers. */
    public Topology {
      Rules.range("hardware.cpu.topology.sockets", sockets, 1, 1024);
      Rules.range("hardware.cpu.topology.cores", cores, 1, 1024);
      Rules.range("hardware.cpu.topology.threads", threads, 1, 1024);
      Rules.range("hardware.cpu.topology", (long) sockets * cores * threads, 1, 1024);
    }

    /**
     * Counts the processors.
     *
     * @return sockets times cores times threads
     */
    public int vcpus() {
      return sockets * cores * threads;
    }
  }

  /**
   * Where the guest's memory comes from, and how far it can grow.
   *
   * @param mostBytes how much it can have while it runs, a multiple of 1 MiB; empty for no more than it has
   * @param hugePageBytes the size of the host's huge pages that back it, a power of two from 2 MiB; empty for
   *     ordinary pages
   * @param targetBytes how much of it the guest is asked to keep, a multiple of 1 MiB: its balloon gives the rest
   *     back to the host; empty for all
   */
  public record Memory(
      Optional<Long> mostBytes, Optional<Long> hugePageBytes, Optional<Long> targetBytes) {
    /**
     * Describes memory that the guest keeps all of.
     *
     * @param mostBytes how much it can have while it runs; empty for no more than it has
     * @param hugePageBytes the size of the host's huge pages that back it; empty for ordinary pages
     */
    public Memory(Optional<Long> mostBytes, Optional<Long> hugePageBytes) {
      this(mostBytes, hugePageBytes, Optional.empty());
    }

    /**
     * Returns memory with nothing unusual about it.
     *
     * @return ordinary pages that neither grow nor are asked for
     */
    public static Memory standard() {
      return new Memory(Optional.empty(), Optional.empty());
    }

    /**
     * Asks the guest to keep only so much.
     *
     * @param other how much
     * @return a changed copy
     */
    public Memory withTargetBytes(long other) {
      return new Memory(mostBytes, hugePageBytes, Optional.of(other));
    }

    /** Checks the numbers. */
    public Memory {
      targetBytes.ifPresent(target -> {
        Rules.range("hardware.memory.targetBytes", target, MIB, MIB << 24);
        if (target % MIB != 0) {
          throw N0Exception.invalid(
              "hardware.memory.targetBytes", target, "must be a multiple of 1048576");
        }
      });
      mostBytes.ifPresent(most -> {
        Rules.range("hardware.memory.mostBytes", most, MIB, MIB << 24);
        if (most % MIB != 0) {
          throw N0Exception.invalid(
              "hardware.memory.mostBytes", most, "must be a multiple of 1048576");
        }
      });
      hugePageBytes.ifPresent(size -> {
        Rules.range("hardware.memory.hugePageBytes", size, 2 * MIB, 1L << 34);
        if (Long.bitCount(size) != 1) {
          throw N0Exception.invalid(
              "hardware.memory.hugePageBytes", size, "must be a power of two");
        }
      });
    }
  }

  /**
   * A directory of the host that the guest can mount by virtiofs.
   *
   * @param tag what the guest mounts it by, a label of at most 35 characters
   * @param directory absolute path of the directory
   * @param access what the guest may do in it
   */
  public record Share(String tag, Path directory, Access access) {
    private static final int TAG_CHARACTERS = 35; // virtio_fs_config.tag is 36 bytes

    /** What the guest may do in a directory. */
    public enum Access {
      /** It may look. */
      READ_ONLY,
      /** It may change it. */
      READ_WRITE
    }

    /** Checks tag and path. */
    public Share {
      Rules.label("hardware.shares.tag", tag);
      if (tag.length() > TAG_CHARACTERS) {
        throw N0Exception.invalid(
            "hardware.shares.tag", tag, "must be at most " + TAG_CHARACTERS + " characters long");
      }
      Rules.absolutePath("hardware.shares.directory", directory);
    }
  }

  /**
   * A CD-ROM drive, on the machine's virtio SCSI controller. The guest keeps the drive while its medium changes.
   *
   * @param name what it is known by for life, a label
   * @param volume name of the volume in it, on the same host; empty for no medium
   * @param bootOrder 0 boots first, among the disks; empty if it is not booted from
   */
  public record Cdrom(String name, Optional<String> volume, Optional<Integer> bootOrder) {
    /** Checks names and order. */
    public Cdrom {
      Rules.label("hardware.cdroms.name", name);
      volume.ifPresent(medium -> Rules.label("hardware.cdroms.volume", medium));
      bootOrder.ifPresent(order -> Rules.range("hardware.cdroms.bootOrder", order, 0, 255));
    }

    /**
     * Describes a drive without a medium.
     *
     * @param name what it is known by
     * @return the drive
     */
    public static Cdrom empty(String name) {
      return new Cdrom(name, Optional.empty(), Optional.empty());
    }

    /**
     * Describes a drive with a medium.
     *
     * @param name what it is known by
     * @param volume the medium
     * @return the drive
     */
    public static Cdrom of(String name, String volume) {
      return new Cdrom(name, Optional.of(volume), Optional.empty());
    }
  }

  /** Checks the numbers. */
  public Hardware {
    shares = List.copyOf(shares);
    cdroms = List.copyOf(cdroms);
    Rules.range("hardware.cdroms", cdroms.size(), 0, MOST_CDROMS);
    if (cdroms.stream().map(Cdrom::name).distinct().count() < cdroms.size()) {
      throw N0Exception.invalid("hardware.cdroms", cdroms, "must have each name once");
    }
    rawArguments = List.copyOf(rawArguments);
    Rules.range("hardware.shares", shares.size(), 0, MOST_SHARES);
    if (shares.stream().map(Share::tag).distinct().count() < shares.size()) {
      throw N0Exception.invalid("hardware.shares", shares, "must have each tag once");
    }
    vsockCid.ifPresent(cid -> Rules.range("hardware.vsockCid", cid, 3, 0xFFFF_FFFEL));
    Rules.range("hardware.rawArguments", rawArguments.size(), 0, MOST_ARGUMENTS);
    rawArguments.forEach(argument -> Rules.text("hardware.rawArguments", argument, 65536));
  }

  /**
   * Returns hardware with nothing unusual about it.
   *
   * @return what the {@code with} methods add to
   */
  public static Hardware standard() {
    return new Hardware(
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        List.of());
  }

  /**
   * Uses other processors.
   *
   * @param other what they look like
   * @return a changed copy
   */
  public Hardware withCpu(Cpu other) {
    return new Hardware(
        Optional.of(other), memory, shares, tpm, watchdog, vsockCid, rawArguments, cdroms);
  }

  /**
   * Uses other memory.
   *
   * @param other where it comes from
   * @return a changed copy
   */
  public Hardware withMemory(Memory other) {
    return new Hardware(
        cpu, Optional.of(other), shares, tpm, watchdog, vsockCid, rawArguments, cdroms);
  }

  /**
   * Uses other shares.
   *
   * @param other all of them
   * @return a changed copy
   */
  public Hardware withShares(List<Share> other) {
    return new Hardware(cpu, memory, other, tpm, watchdog, vsockCid, rawArguments, cdroms);
  }

  /**
   * Uses another trusted platform module.
   *
   * @param other which
   * @return a changed copy
   */
  public Hardware withTpm(Tpm other) {
    return new Hardware(
        cpu, memory, shares, Optional.of(other), watchdog, vsockCid, rawArguments, cdroms);
  }

  /**
   * Uses another watchdog.
   *
   * @param other what it does
   * @return a changed copy
   */
  public Hardware withWatchdog(Watchdog other) {
    return new Hardware(
        cpu, memory, shares, tpm, Optional.of(other), vsockCid, rawArguments, cdroms);
  }

  /**
   * Uses another vsock address.
   *
   * @param other the guest's context id
   * @return a changed copy
   */
  public Hardware withVsockCid(long other) {
    return new Hardware(
        cpu, memory, shares, tpm, watchdog, Optional.of(other), rawArguments, cdroms);
  }

  /**
   * Uses other arguments that are passed on as they are.
   *
   * @param other all of them
   * @return a changed copy
   */
  public Hardware withRawArguments(List<String> other) {
    return new Hardware(cpu, memory, shares, tpm, watchdog, vsockCid, other, cdroms);
  }

  /**
   * Uses other CD-ROM drives.
   *
   * @param other all of them
   * @return a changed copy
   */
  public Hardware withCdroms(List<Cdrom> other) {
    return new Hardware(cpu, memory, shares, tpm, watchdog, vsockCid, rawArguments, other);
  }
}
