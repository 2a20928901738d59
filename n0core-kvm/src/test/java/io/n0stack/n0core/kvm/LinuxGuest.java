package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** The Linux guest of the examples, built once and kept in the module's target directory. */
final class LinuxGuest {
  static final Duration BOOT = Duration.ofMinutes(3);
  private static final long MEMORY = 256L << 20;
  /** What it has of that on its board, which without KVM is a little more. */
  static final long BOARD_BYTES = MEMORY + (64 << 10);

  private final Path files;

  private LinuxGuest(Path files) {
    this.files = files;
  }

  /** Builds it, or finds it built. */
  static LinuxGuest build() throws Exception {
    Path builder =
        Path.of("..", "examples", "guest", "mkguest").toAbsolutePath().normalize();
    Path cache = Path.of("target", "guest").toAbsolutePath();
    Files.createDirectories(cache);
    Path log = cache.resolve("mkguest.log");
    Process process = new ProcessBuilder("sh", builder.toString(), cache.toString())
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
    int status = process.waitFor();
    assertThat(status).as("no guest could be built: %s", Files.readString(log)).isZero();
    return new LinuxGuest(cache);
  }

  MachineSpec.Builder spec(String words) {
    return MachineSpec.builder(1, MEMORY)
        .chipset(Chipset.PC)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Kernel(
            kernel(), Optional.of(initrd()), "console=ttyS0 quiet panic=-1 " + words));
  }

  Path kernel() {
    return files.resolve("kernel");
  }

  Path initrd() {
    return files.resolve("initrd");
  }

  Path base() {
    return files.resolve("base.qcow2");
  }

  static void awaitSaid(QemuMachineDriver driver, ResourceId id, String text) {
    await(text).atMost(BOOT).until(() -> Host.said(driver, id, text));
  }

  /** Waits for the shell on the serial port; what is typed before it listens is lost. */
  static void awaitShell(QemuMachineDriver driver, ResourceId id) {
    await("shell").atMost(BOOT).pollInterval(Duration.ofMillis(500)).until(() -> {
      type(driver, id, "echo SH''ELL");
      return Host.said(driver, id, "SHELL");
    });
  }

  /** Types a line to the shell on the serial port. */
  static void type(QemuMachineDriver driver, ResourceId id, String line) throws IOException {
    try (ByteChannel console = driver.openSerial(id)) {
      ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        console.write(bytes);
      }
    }
  }
}
