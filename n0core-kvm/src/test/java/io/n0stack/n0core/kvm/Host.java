package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.host.AcceleratorProbe;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/** A directory of machines on the real host, and what tests do there. */
final class Host {
  // There are hosts whose KVM does not take the processor that QEMU derives from their own.
  private static final String PLAIN_CPU = "qemu64";

  final Path root;
  final Path rom;

  private Host(Path root, Path rom) {
    this.root = root;
    this.rom = rom;
  }

  /** Uses a directory that another process has prepared. */
  static Host existing(Path directory) {
    return new Host(directory.resolve("m"), directory.resolve("nano.rom"));
  }

  Host(Path directory) throws IOException {
    this(directory.resolve("m"), directory.resolve("nano.rom"));
    try (InputStream in = AcceleratorProbe.class.getResourceAsStream("nano.rom")) {
      Files.copy(Objects.requireNonNull(in), rom);
    }
  }

  QemuMachineDriver open() {
    return new QemuMachineDriver(KvmConfig.of(root).withAccelerator(Accelerator.TCG));
  }

  MachineSpec.Builder nano(Chipset chipset) {
    return nano(chipset, Accelerator.TCG);
  }

  MachineSpec.Builder nano(Chipset chipset, Accelerator accelerator) {
    return nano(chipset, accelerator, 16 << 20);
  }

  /** One that takes a while to send, if there is much of it, though nearly all is zeros. */
  MachineSpec.Builder nano(Chipset chipset, Accelerator accelerator, long memoryBytes) {
    MachineSpec.Builder spec = MachineSpec.builder(1, memoryBytes)
        .chipset(chipset)
        .accelerator(accelerator)
        .firmware(new Firmware.Rom(rom));
    return accelerator == Accelerator.KVM
        ? spec.hardware(Hardware.standard()
            .withCpu(new Hardware.Cpu(Optional.of(PLAIN_CPU), Optional.empty(), Optional.empty())))
        : spec;
  }

  /** The accelerators under which the guest boots here; that there is a device does not say so. */
  static Stream<Accelerator> accelerators() {
    return new AcceleratorProbe("qemu-system-x86_64").guestBoots(PLAIN_CPU)
        ? Stream.of(Accelerator.TCG, Accelerator.KVM)
        : Stream.of(Accelerator.TCG);
  }

  static StandaloneContext context() {
    return new StandaloneContext();
  }

  static MachineStatus present(QemuMachineDriver driver, ResourceId id) {
    Observed<MachineStatus> seen = driver.observe(id);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    return ((Observed.Present<MachineStatus>) seen).status();
  }

  static MachineState state(QemuMachineDriver driver, ResourceId id) {
    return present(driver, id).state();
  }

  static long pid(QemuMachineDriver driver, ResourceId id) {
    return present(driver, id).pid().orElseThrow();
  }

  /** Says whether a guest has said something; no of one whose QEMU is too busy just now to be looked at. */
  static boolean said(QemuMachineDriver driver, ResourceId id, String text) {
    return driver.observe(id) instanceof Observed.Present<MachineStatus> seen
        && said(seen.status(), text);
  }

  static boolean said(MachineStatus status, String text) {
    try {
      return Files.readString(status.serialLog(), StandardCharsets.ISO_8859_1).contains(text);
    } catch (IOException e) {
      return false;
    }
  }

  /** Processes that have the directory in their arguments, this JVM and its helpers left out. */
  List<Long> processes() {
    List<Long> found = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : all) {
        try {
          if (Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
              .contains(root + "/")) {
            found.add(Long.parseLong(String.valueOf(process.getFileName())));
          }
        } catch (IOException e) {
          LoggerFactory.getLogger(Host.class).debug("{} has ended", process);
        }
      }
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<String> residue() {
    TreeSet<String> all = new TreeSet<>();
    processes().forEach(pid -> all.add("process " + pid));
    try (Stream<Path> files = Files.walk(root)) {
      files.filter(file -> !file.equals(root)).map(Path::toString).forEach(all::add);
    } catch (java.nio.file.NoSuchFileException e) {
      return List.copyOf(all);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(all);
  }

  /** Ends what a failed test left. */
  void cleanUp() {
    processes().forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
  }

  static void signal(String signal, long pid) throws Exception {
    run("kill", "-" + signal, String.valueOf(pid));
  }

  static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as("%s: %s", List.of(command), out).isZero();
    return out;
  }

  /** Makes an encrypted image; on a busy host qemu-img can fail to measure how fast that is. */
  static void luks(Path image, Path key) {
    await().atMost(Duration.ofMinutes(2)).untilAsserted(() -> {
      String unused = run(
          "qemu-img",
          "create",
          "-q",
          "-f",
          "qcow2",
          "--object",
          "secret,id=s,file=" + key,
          "-o",
          "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
          image.toString(),
          "8M");
    });
  }

  /** Says whether a user without any group but its own can read a file. */
  static boolean mayRead(long user, Path file) {
    try {
      run("setpriv", "--reuid=" + user, "--clear-groups", "--regid=" + user, "cat", file + "");
      return true;
    } catch (AssertionError e) {
      return false;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
