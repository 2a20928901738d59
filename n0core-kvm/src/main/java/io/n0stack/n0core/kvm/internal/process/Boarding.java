package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Firmware.Uefi.SecureBoot;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import io.n0stack.n0core.kvm.internal.commandline.LaunchFiles;
import io.n0stack.n0core.kvm.internal.launch.Cgroups;
import io.n0stack.n0core.kvm.internal.launch.Confinement;
import io.n0stack.n0core.kvm.internal.launch.Confinement.Privileges;
import io.n0stack.n0core.kvm.internal.launch.Helper;
import io.n0stack.n0core.kvm.internal.launch.LogFile;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import io.n0stack.n0core.kvm.internal.launch.Settings;
import io.n0stack.n0core.kvm.internal.launch.UserPool;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Owners;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Processes;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is made ready on the host before a machine's QEMU is started, and tidied away after. Thread-safe. */
public final class Boarding {
  private static final Logger LOG = LoggerFactory.getLogger(Boarding.class);

  /** The file of a machine's directory that tells cloud-init what the spec says. */
  static final String SEED = "seed.iso";

  private static final Path KVM = Path.of("/dev/kvm");
  private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
  private static final String VARIABLES = "uefi-variables.fd";
  private static final String TPM = "tpm";
  private static final String SHARE = "fs";
  private static final Limits UNLIMITED =
      new Limits(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  private final Path root;
  private final Settings settings;
  private final Cgroups cgroups;
  private final UserPool users;

  /**
   * Creates it; does not look.
   *
   * @param root where all machines are
   * @param settings how machines are launched on this host
   */
  public Boarding(Path root, Settings settings) {
    this.root = root;
    this.settings = settings;
    cgroups = new Cgroups(MOUNTS, settings.cgroupParent());
    users = new UserPool(settings);
  }

  Settings settings() {
    return settings;
  }

  Cgroups cgroups() {
    return cgroups;
  }

  /** Chooses whom a machine's processes run as, and lets them into its directory. */
  Optional<Owner> owner(MachineDirectory directory) {
    Optional<Owner> owner =
        users.choose(directory::owner, this::taken, directory::recordOwner, directory::forgetOwner);
    owner.ifPresent(who -> UserPool.openWay(directory.path(), who));
    return owner;
  }

  /** A number is free when no machine has it and no process that one left behind. */
  private Set<Long> taken() {
    Set<Long> taken = new HashSet<>(Owners.uids(root));
    taken.addAll(Processes.users());
    return taken;
  }

  /** Collects the files of a launch; copies those that QEMU's user could not open. */
  LaunchFiles files(MachineDirectory directory, MachineRecord record, Run run) {
    Optional<Owner> owner = directory.owner().filter(who -> settings.uids().isPresent());
    Firmware firmware = record.spec().firmware();
    Optional<LaunchFiles.Uefi> uefi = Optional.empty();
    try {
      if (firmware instanceof Firmware.Uefi which) {
        uefi = Optional.of(uefi(directory, which, owner));
      } else if (firmware instanceof Firmware.Kernel kernel) {
        Optional<Path> initrd = kernel.initrd().isPresent()
            ? Optional.of(reachable(kernel.initrd().get(), run, "initrd", owner))
            : Optional.empty();
        firmware = new Firmware.Kernel(
            reachable(kernel.image(), run, "kernel", owner), initrd, kernel.commandLine());
      } else if (firmware instanceof Firmware.Rom rom) {
        firmware = new Firmware.Rom(reachable(rom.image(), run, "rom", owner));
      }
      // The agent opens these by their names, as root perhaps: a link must not take their place.
      run.reserve(String.valueOf(run.log().getFileName()));
      for (Helper helper : all(record, run)) {
        for (String file : helper.files()) {
          run.reserve(file);
        }
      }
      owner.ifPresent(who -> UserPool.share(run.directory(), who));
    } catch (IOException e) {
      throw DurableFiles.failure(record.id().toString(), "prepare files of " + record.id(), e);
    }
    Optional<Path> seed = Optional.of(directory.path().resolve(SEED)).filter(Files::exists);
    seed.ifPresent(file -> owner.ifPresent(who -> UserPool.show(file, who)));
    return new LaunchFiles(run, firmware, uefi, seed);
  }

  private static Path reachable(Path file, Run run, String name, Optional<Owner> owner)
      throws IOException {
    if (owner.isEmpty() || UserPool.mayRead(file, owner.get())) {
      return file;
    }
    Path copy = run.directory().resolve(name);
    Files.copy(file, copy);
    UserPool.show(copy, owner.get());
    return copy;
  }

  private LaunchFiles.Uefi uefi(
      MachineDirectory directory, Firmware.Uefi firmware, Optional<Owner> owner)
      throws IOException {
    Path variables = directory.path().resolve(VARIABLES);
    if (Files.notExists(variables)) {
      DurableFiles.replace(variables, Files.readAllBytes(variablesTemplate(firmware)));
    }
    UserPool.handOver(variables, owner);
    return new LaunchFiles.Uefi(code(firmware), variables);
  }

  Path code(Firmware.Uefi firmware) {
    boolean secure = firmware.secureBoot() == SecureBoot.ON;
    return settings.ovmf().resolve(secure ? "OVMF_CODE_4M.secboot.fd" : "OVMF_CODE_4M.fd");
  }

  Path variablesTemplate(Firmware.Uefi firmware) {
    boolean secure = firmware.secureBoot() == SecureBoot.ON;
    return settings.ovmf().resolve(secure ? "OVMF_VARS_4M.ms.fd" : "OVMF_VARS_4M.fd");
  }

  private static List<Helper> all(MachineRecord record, Run run) {
    Optional<Hardware> hardware = record.spec().hardware();
    List<Helper> all = new ArrayList<>();
    hardware.flatMap(Hardware::tpm).ifPresent(version -> all.add(helper(record, run, TPM)));
    int shares = hardware.map(has -> has.shares().size()).orElse(0);
    for (int i = 0; i < shares; i++) {
      all.add(helper(record, run, SHARE + i));
    }
    return all;
  }

  private static Helper helper(MachineRecord record, Run run, String name) {
    return new Helper(record.id().uid(), run.directory(), name);
  }

  /** Starts what accompanies QEMU. */
  void helpers(MachineDirectory directory, MachineRecord record, Run run, Duration limit) {
    Optional<Owner> owner = directory.owner().filter(who -> settings.uids().isPresent());
    Optional<Hardware> hardware = record.spec().hardware();
    Optional<Hardware.Tpm> tpm = hardware.flatMap(Hardware::tpm);
    if (tpm.isPresent()) {
      tpmState(directory, owner);
      Confinement alone = helperConfinement(run, TPM, Privileges.LOST);
      helper(record, run, TPM)
          .start(swtpm(tpm.get()), owner.map(alone::as).orElse(alone), run.tpm(), limit);
    }
    List<Share> shares = hardware.map(Hardware::shares).orElse(List.of());
    for (int i = 0; i < shares.size(); i++) {
      Path socket = run.share(i);
      // It enters namespaces of its own, changes its root and keeps what changing others' files
      // takes.
      Confinement privileged = helperConfinement(run, SHARE + i, Privileges.KEPT);
      helper(record, run, SHARE + i)
          .start(Shares.command(settings, shares.get(i), socket), privileged, socket, limit);
      owner.ifPresent(who -> UserPool.give(socket, who));
    }
  }

  /** A scope of its own: with its service a helper would end, and its machine lose the TPM or the directory. */
  private Confinement helperConfinement(Run run, String name, Privileges privileges) {
    Confinement plain = Confinement.of(privileges);
    return settings.systemd()
        ? plain.through(Confinement.scope(run.uid(), launch(run) + "-" + name, UNLIMITED))
        : plain;
  }

  private static String launch(Run run) {
    return String.valueOf(run.directory().getFileName());
  }

  private static void tpmState(MachineDirectory directory, Optional<Owner> owner) {
    Path state = directory.path().resolve(TPM);
    try {
      if (Files.notExists(state)) {
        DurableFiles.createDirectory(state);
      }
    } catch (IOException e) {
      throw DurableFiles.failure(state.toString(), "create " + state, e);
    }
    UserPool.handOverAll(state, owner);
  }

  /** Paths are relative to the launch's directory: the program knows no way to write a comma. */
  private List<String> swtpm(Hardware.Tpm version) {
    List<String> command = new ArrayList<>(List.of(
        settings.swtpm(),
        "socket",
        "--tpmstate",
        "dir=../" + TPM + ",mode=0600",
        "--ctrl",
        "type=unixio,path=" + TPM + ",mode=0600",
        "--terminate",
        "--seccomp",
        "action=kill"));
    if (version == Hardware.Tpm.VERSION_2_0) {
      command.add("--tpm2");
    }
    return List.copyOf(command);
  }

  /** Makes the machine's control groups and says through which programs QEMU is started. */
  Confinement confinement(
      MachineRecord record, Run run, Optional<Owner> owner, Accelerator accelerator) {
    List<Path> devices = new ArrayList<>();
    if (accelerator == Accelerator.KVM) {
      devices.add(KVM);
    }
    if (record.spec().hardware().flatMap(Hardware::vsockCid).isPresent()) {
      devices.add(SpecRules.VSOCK);
    }
    Optional<Limits> limits = record.spec().limits();
    UUID uid = record.id().uid();
    if (settings.systemd()) {
      List<String> scope =
          new ArrayList<>(Confinement.scope(uid, launch(run), limits.orElse(UNLIMITED)));
      scope.addAll(namespace());
      return new Confinement(owner, devices, List.of(), scope, Privileges.LOST);
    }
    List<Path> groups = limits.map(most -> cgroups.create(uid, most)).orElse(List.of());
    return new Confinement(owner, devices, groups, namespace(), Privileges.LOST);
  }

  private List<String> namespace() {
    return settings
        .networkNamespace()
        .map(file -> List.of("nsenter", "--net=" + file))
        .orElse(List.of());
  }

  /** What runs as the machine's own user is the machine's, whatever it has made of its name. */
  private static void endAll(Run run, Owner who, Duration limit) {
    String operation = "end the processes of user " + who.uid() + " of machine " + run.uid();
    List<Long> foreign = Processes.ofOtherMachines(who.uid(), run);
    if (!foreign.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          "kvm.uid-range",
          operation + ": processes " + foreign + " are another machine's: kvm.uid-range must not be"
              + " used by two agents");
    }
    boolean ended = Pauses.until(operation, limit, () -> {
      List<Long> left = Processes.of(who.uid());
      for (long pid : left) {
        LOG.debug("machine {}: process {} of user {} is killed", run.uid(), pid, who.uid());
        ProcessHandle.of(pid)
            .filter(process -> Processes.of(who.uid()).contains(pid))
            .ifPresent(ProcessHandle::destroyForcibly);
      }
      return left.isEmpty();
    });
    if (!ended) {
      throw new OperationTimeoutException(operation, limit);
    }
  }

  /**
   * Ends and removes what a launch has left outside its directory, once its QEMU is dead.
   *
   * @throws OperationTimeoutException if a process of the machine's own user lives on
   * @throws N0Exception BUSY if one of them is another machine's
   */
  void tidy(Run run, Duration limit) {
    Helper.of(run.uid(), run.directory()).forEach(helper -> helper.end(limit));
    MachineDirectory directory = MachineDirectory.of(run);
    directory
        .owner()
        .filter(who -> users.alone(who) && !Owners.shared(directory, who))
        .ifPresent(who -> endAll(run, who, limit));
    if (!Pauses.until(
        "remove the control groups of machine " + run.uid(),
        limit,
        () -> cgroups.remove(run.uid()))) {
      LOG.warn("machine {}: a control group stays, for others are in it", run.uid());
    }
  }

  /**
   * Removes what a launch has left outside its directory and nobody can miss, once its QEMU is dead.
   *
   * @param run the launch
   */
  public void tidy(Run run) {
    cgroups.remove(run.uid());
  }

  /**
   * Keeps a launch's logs short.
   *
   * @param run the launch
   */
  public void boundLogs(Run run) {
    LogFile.bound(run.serialLog(), settings.serialLogBytes());
    LogFile.bound(run.log(), settings.qemuLogBytes());
  }
}
