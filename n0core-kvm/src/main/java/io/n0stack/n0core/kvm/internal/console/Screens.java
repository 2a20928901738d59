package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.compute.ScreenGrant;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.ByteChannel;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;

/** The screens of machines. Thread-safe. */
public final class Screens implements Screen, AutoCloseable {
  private static final Duration SHOT = Duration.ofSeconds(20);
  private static final int LARGEST = 64 << 20;
  private static final Duration SHORTEST = Duration.ofSeconds(1);
  private static final Duration LONGEST = Duration.ofDays(1);

  private final Path machines;
  private final Monitors monitors;
  private final Duration limit;
  private final ScreenServer server = new ScreenServer();

  /**
   * Creates it. Listens nowhere until a grant is asked for.
   *
   * @param machines where all machines are
   * @param monitors the connections
   * @param limit the time allowed to connect
   */
  public Screens(Path machines, Monitors monitors, Duration limit) {
    this.machines = machines;
    this.monitors = monitors;
    this.limit = limit;
  }

  @Override
  public ByteChannel openVnc(ResourceId machine) {
    return connect(machine);
  }

  private SocketChannel connect(ResourceId machine) {
    return UnixChannels.open("open the screen", machine, running(machine).vnc(), limit);
  }

  private Run running(ResourceId machine) {
    MachineDirectory directory = new MachineDirectory(machines, machine.uid());
    MachineRecord record = directory.require(machine);
    if (record.spec().display() != Display.VNC) {
      throw precondition(machine, "its spec has no display");
    }
    return directory.runs().stream()
        .filter(run -> run.alive().isPresent())
        .findFirst()
        .orElseThrow(() -> precondition(machine, "it is off"));
  }

  private static N0Exception precondition(ResourceId machine, String why) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION,
        machine.toString(),
        "open the screen of " + machine + ": " + why);
  }

  @Override
  public ScreenGrant grant(ResourceId machine, Duration validity) {
    if (validity.compareTo(SHORTEST) < 0 || validity.compareTo(LONGEST) > 0) {
      throw N0Exception.invalid("validity", validity, "must be " + SHORTEST + " to " + LONGEST);
    }
    running(machine);
    return server.grant(() -> connect(machine), validity);
  }

  @Override
  public byte[] screenshot(ResourceId machine) {
    Run run = running(machine);
    Path file = run.directory().resolve("screen." + UUID.randomUUID());
    try (Monitor monitor = monitors.toLook(machine.name(), run, limit)) {
      monitor.execute("screendump", Map.of("filename", file.toString(), "format", "png"), SHOT);
      return read(machine, file);
    } catch (IOException e) {
      throw DurableFiles.failure(machine.toString(), "take a picture of " + machine, e);
    } finally {
      remove(machine, file);
    }
  }

  private static byte[] read(ResourceId machine, Path file) throws IOException {
    // The emulator wrote it, so it is not trusted to be a small plain file.
    try (InputStream in =
        Channels.newInputStream(GuardedFiles.open(file, StandardOpenOption.READ))) {
      byte[] image = in.readNBytes(LARGEST + 1);
      if (image.length > LARGEST) {
        throw new N0Exception(
            N0Exception.Code.EXHAUSTED,
            machine.toString(),
            "take a picture of " + machine + ": it is larger than " + LARGEST + " bytes");
      }
      return image;
    }
  }

  private static void remove(ResourceId machine, Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw DurableFiles.failure(machine.toString(), "remove " + file, e);
    }
  }

  /** Withdraws all grants and ends all sessions. */
  @Override
  public void close() {
    server.close();
  }
}
