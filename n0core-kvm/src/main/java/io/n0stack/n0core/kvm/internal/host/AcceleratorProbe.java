package io.n0stack.n0core.kvm.internal.host;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out whether KVM works by running a guest under it: that {@code /dev/kvm} can be opened does
 * not say so, and neither does a guest that merely boots, since there are hosts whose KVM interprets
 * each instruction. The guest must also count to twenty million, which takes a processor milliseconds.
 * The answer is kept for the life of the driver, but not that of a guest which got hardly any of a processor's time, as on
 * a host that has just come up. Thread-safe.
 */
public final class AcceleratorProbe {
  private static final Logger LOG = LoggerFactory.getLogger(AcceleratorProbe.class);
  private static final Path DEVICE = Path.of("/dev/kvm");
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int SHARE = 10; // of that, a guest needs a tenth to show its worth
  private static final int MOST_UNDECIDED = 3; // there may be guests that wait for ever
  private static final String HOST_CPU = "host";
  private static final String READY = "N0: READY";
  // What the guest is told over its serial port, see nano.S.
  private static final char COUNT = 'b';
  private static final char POWER_OFF = 'q';
  private static final String COUNTED = "N0: SPEED";

  /** What came of a guest. */
  private enum Trial {
    RUNS,
    FAILS,
    UNDECIDED
  }

  private final String program;
  private final Duration limit;
  private int undecided;
  private @Nullable Accelerator found;

  /**
   * Creates a probe; does not run it.
   *
   * @param program QEMU's system emulator
   */
  public AcceleratorProbe(String program) {
    this(program, LIMIT);
  }

  AcceleratorProbe(String program, Duration limit) {
    this.program = program;
    this.limit = limit;
  }

  /**
   * Says whether this process may use KVM at all.
   *
   * @return false if there is no such device or no right to it
   */
  public static boolean deviceUsable() {
    return Files.isReadable(DEVICE) && Files.isWritable(DEVICE);
  }

  /**
   * Returns the best accelerator on which a guest runs; takes up to 6 seconds the first time.
   *
   * @return KVM or TCG
   * @throws N0Exception UNAVAILABLE if the trial could not be made, or the host is so busy that it told nothing, the first
   *     two times
   */
  public synchronized Accelerator best() {
    if (found == null) {
      Trial trial = guest(COUNTED, HOST_CPU);
      if (trial == Trial.UNDECIDED && ++undecided < MOST_UNDECIDED) {
        throw new N0Exception(
            N0Exception.Code.UNAVAILABLE,
            "kvm",
            "try a guest under KVM: in " + limit.toSeconds() + " s it got less than "
                + limit.dividedBy(SHARE).toMillis()
                + " ms of a processor, this host is too busy to tell"
                + " what it can do; set kvm.accelerator to do without the trial");
      }
      found = trial == Trial.RUNS ? Accelerator.KVM : Accelerator.TCG;
      LOG.info("guests run with {}", found);
    }
    return found;
  }

  /**
   * Says whether a guest at least boots under KVM, however slowly it works afterwards.
   *
   * @param cpu the processor's model; there are hosts whose KVM lacks what {@code host} needs
   * @return false if it cannot be started
   * @throws N0Exception UNAVAILABLE if the trial could not be made
   */
  public boolean guestBoots(String cpu) {
    return guest(READY, cpu) == Trial.RUNS;
  }

  private Trial guest(String upTo, String cpu) {
    if (!deviceUsable()) {
      return Trial.FAILS;
    }
    Path rom = rom();
    try {
      Process process = new ProcessBuilder(command(rom, cpu))
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
      try {
        long deadline = System.nanoTime() + limit.toNanos();
        boolean runs = says(process, READY, deadline);
        if (runs && upTo.equals(COUNTED)) {
          tell(process, COUNT);
          runs = says(process, COUNTED, deadline);
        }
        boolean starved = !runs && isStarved(process);
        tell(process, POWER_OFF);
        process.waitFor(1, TimeUnit.SECONDS);
        return runs ? Trial.RUNS : starved ? Trial.UNDECIDED : Trial.FAILS;
      } catch (IOException e) {
        return Trial.FAILS; // it has ended by itself
      } finally {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    } catch (IOException e) {
      throw failure(e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("try a guest under KVM", e);
    } finally {
      delete(rom);
    }
  }

  private boolean isStarved(Process process) {
    Duration used = process
        .descendants()
        .flatMap(each -> each.info().totalCpuDuration().stream())
        .reduce(Duration.ZERO, Duration::plus);
    return process.isAlive() && used.compareTo(limit.dividedBy(SHARE)) < 0;
  }

  /** timeout(1) ends the trial even if this process is killed in the middle of it. */
  private List<String> command(Path rom, String cpu) {
    String most = String.valueOf(limit.toSeconds() + 1);
    return List.of(
        "timeout",
        "-s",
        "KILL",
        most,
        program,
        "-nodefaults",
        "-no-user-config",
        "-machine",
        "pc",
        "-accel",
        "kvm",
        "-cpu",
        cpu,
        "-m",
        "size=16M",
        "-display",
        "none",
        "-bios",
        rom.toString(),
        "-serial",
        "stdio");
  }

  private static void tell(Process process, char command) throws IOException {
    process.getOutputStream().write(command);
    process.getOutputStream().flush();
  }

  private static boolean says(Process process, String word, long deadline) {
    InputStream serial = process.getInputStream();
    StringBuilder seen = new StringBuilder();
    byte[] chunk = new byte[256];
    boolean[] ended = {false};
    Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
    return Pauses.until("try a guest under KVM", left, () -> {
          ended[0] = !process.isAlive();
          try {
            while (serial.available() > 0 && seen.length() < chunk.length) {
              int count = serial.read(chunk);
              seen.append(new String(chunk, 0, count, StandardCharsets.US_ASCII));
            }
          } catch (IOException e) {
            ended[0] = true;
          }
          return ended[0] || seen.indexOf(word) >= 0;
        })
        && seen.indexOf(word) >= 0;
  }

  private static Path rom() {
    try (InputStream bytes = AcceleratorProbe.class.getResourceAsStream("nano.rom")) {
      if (bytes == null) {
        throw new IllegalStateException("the jar lacks nano.rom");
      }
      Path file = Files.createTempFile("n0core-probe", ".rom");
      Files.copy(bytes, file, StandardCopyOption.REPLACE_EXISTING);
      return file;
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static void delete(Path rom) {
    try {
      Files.deleteIfExists(rom);
    } catch (IOException e) {
      LOG.warn("a temporary file stays: {}", e.toString());
    }
  }

  private static N0Exception failure(IOException cause) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE, "kvm", "try a guest under KVM: " + cause.getMessage(), cause);
  }
}
