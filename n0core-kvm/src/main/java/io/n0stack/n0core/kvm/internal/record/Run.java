package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * The directory of one launch of QEMU, used for no other launch.
 *
 * @param uid the machine
 * @param directory where it is now
 */
public record Run(UUID uid, Path directory) {
  private static final Duration ENDING = Duration.ofSeconds(1);
  private static final String OFF = "off";
  private static final String ACCELERATOR = "accelerator";
  private static final String PROCESS = "process";

  /**
   * Returns QEMU's pid file, on which it holds a lock while it lives.
   *
   * @return its path
   */
  public Path pidFile() {
    return directory.resolve("pid");
  }

  /**
   * Returns the socket of the monitor through which operations change the machine.
   *
   * @return its path
   */
  public Path monitor() {
    return directory.resolve("qmp");
  }

  /**
   * Returns the socket of the monitor through which the machine is looked at.
   *
   * @return its path
   */
  public Path rescueMonitor() {
    return directory.resolve("rescue");
  }

  /**
   * Returns a second name of a monitor's socket, in case the first is tidied away.
   *
   * @param socket the first name
   * @return the path, where {@link #linkMonitors} puts it
   */
  public static Path link(Path socket) {
    return socket.resolveSibling(socket.endsWith("rescue") ? "link2" : "link1");
  }

  /** Gives the monitors' sockets their second names, unless they have them. */
  public void linkMonitors() {
    for (Path socket : List.of(monitor(), rescueMonitor())) {
      try {
        if (GuardedFiles.isSocket(socket) && !GuardedFiles.isSocket(link(socket))) {
          Files.createLink(link(socket), socket);
        }
      } catch (IOException e) {
        if (!GuardedFiles.isSocket(link(socket))) { // else who connects just now was faster
          throw failure("link the monitors", e);
        }
      }
    }
  }

  /**
   * Says whether there is a way to a monitor.
   *
   * @return true if a socket has one of its names; nobody need listen
   */
  public boolean reachable() {
    return GuardedFiles.isSocket(rescueMonitor())
        || GuardedFiles.isSocket(link(rescueMonitor()))
        || GuardedFiles.isSocket(monitor())
        || GuardedFiles.isSocket(link(monitor()));
  }

  /**
   * Returns the socket of the channel to the guest agent.
   *
   * @return its path
   */
  public Path guestAgent() {
    return directory.resolve("ga");
  }

  /**
   * Returns the socket of the VNC server of a machine with a screen.
   *
   * @return its path
   */
  public Path vnc() {
    return directory.resolve("vnc");
  }

  /**
   * Returns the socket of the TPM emulator.
   *
   * @return its path
   */
  public Path tpm() {
    return directory.resolve("tpm");
  }

  /**
   * Returns the socket of the daemon that shares the n-th directory.
   *
   * @param index counted from zero
   * @return its path
   */
  public Path share(int index) {
    return directory.resolve("fs" + index);
  }

  /**
   * Returns the first serial port's socket.
   *
   * @return its path
   */
  public Path serial() {
    return directory.resolve("serial");
  }

  /**
   * Returns the file that collects what the guest writes to its first serial port.
   *
   * @return its path
   */
  public Path serialLog() {
    return directory.resolve("serial.log");
  }

  /**
   * Returns the file that collects what QEMU itself prints.
   *
   * @return its path
   */
  public Path log() {
    return directory.resolve("qemu.log");
  }

  /**
   * Says whether the machine was off, rather than crashed, when this launch ended.
   *
   * @return true once {@link #markOff} was called, until {@link #markOn} is
   */
  public boolean off() {
    return Files.exists(directory.resolve(OFF));
  }

  /**
   * Remembers durably that the machine is off and not crashed.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be written
   */
  public void markOff() {
    if (!off()) {
      try {
        DurableFiles.create(directory.resolve(OFF), "");
      } catch (IOException e) {
        throw failure("mark as off", e);
      }
    }
  }

  /**
   * Forgets that the machine was to be off: it runs.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be written
   */
  public void markOn() {
    try {
      Files.deleteIfExists(directory.resolve(OFF));
      DurableFiles.sync(directory);
    } catch (IOException e) {
      throw failure("mark as on", e);
    }
  }

  /**
   * Remembers what executes the guest's instructions, once.
   *
   * @param accelerator the accelerator
   * @throws IOException if it cannot be written
   */
  public void record(Accelerator accelerator) throws IOException {
    DurableFiles.create(directory.resolve(ACCELERATOR), accelerator.name());
  }

  /**
   * Returns what executes the guest's instructions in this launch.
   *
   * @return the accelerator, AUTO if it was not recorded, or not to the end
   */
  public Accelerator accelerator() {
    try {
      return Accelerator.valueOf(
          GuardedFiles.note(directory.resolve(ACCELERATOR)).orElse(""));
    } catch (IOException | IllegalArgumentException e) {
      return Accelerator.AUTO;
    }
  }

  /** Notes that no QEMU of this launch has been seen yet. */
  Run reserve() throws IOException {
    reserve(PROCESS);
    return this;
  }

  /**
   * Makes an empty file of the agent's, before anybody else may write here: nobody can put something else in its place.
   *
   * @param name the file's name
   * @throws IOException if it cannot be made, or is there
   */
  public void reserve(String name) throws IOException {
    Files.createFile(directory.resolve(name), DurableFiles.PRIVATE_FILE);
  }

  /**
   * Notes which process QEMU is, unless that is known. Whatever becomes of its pid file and its sockets, which are
   * its own, it is found from then on.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be written
   */
  public void noteProcess() {
    Path file = directory.resolve(PROCESS);
    try {
      Optional<Long> pid = launched().isPresent() ? Optional.empty() : locked();
      if (pid.isPresent() && isLaunched(pid.get())) {
        if (GuardedFiles.note(file).isEmpty()) {
          Files.deleteIfExists(file);
          reserve();
        }
        Files.writeString(file, LaunchedProcess.of(pid.get()).encode(), LinkOption.NOFOLLOW_LINKS);
      }
    } catch (IOException e) {
      throw failure("note the process of qemu", e);
    }
  }

  private boolean isLaunched(long pid) {
    return Processes.isLaunched(pid, root(), uid, name());
  }

  private Optional<LaunchedProcess> launched() throws IOException {
    return GuardedFiles.note(directory.resolve(PROCESS)).flatMap(LaunchedProcess::parse);
  }

  Path root() {
    return directory.resolve("../..").normalize();
  }

  /** A launch that was renamed away can have had any name. */
  private String name() {
    String name = String.valueOf(directory.getFileName());
    return name.startsWith("run.") ? Pattern.quote(name) : "run\\.[0-9a-f]{8}";
  }

  /**
   * Lists the processes whose command lines name this launch, whether or not they have come as far as a lock.
   *
   * @return their numbers
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public List<Long> processes() {
    return Processes.launched(root(), uid, name());
  }

  /**
   * Says whether QEMU lives, also if it is stopped, and whatever became of the files that it made.
   *
   * @return its process id, empty if it is dead or has not come as far as its lock
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public Optional<Long> alive() {
    try {
      Optional<String> note = GuardedFiles.note(directory.resolve(PROCESS));
      Optional<LaunchedProcess> process = note.flatMap(LaunchedProcess::parse);
      if (process.isPresent()) {
        return process.get().alive() ? Optional.of(process.get().pid()) : Optional.empty();
      }
      Optional<Long> holder = locked();
      // It was launched before there were such notes, or somebody took the note away.
      return holder.isPresent() || note.isPresent() || !Files.exists(directory)
          ? holder
          : processes().stream().findFirst();
    } catch (IOException e) {
      throw failure("look for the process of qemu", e);
    }
  }

  /**
   * Says when QEMU was first seen.
   *
   * @return the time, empty if that is not known
   */
  public Optional<Instant> seen() {
    try {
      return Optional.of(
          Files.getLastModifiedTime(directory.resolve(PROCESS), LinkOption.NOFOLLOW_LINKS)
              .toInstant());
    } catch (IOException e) {
      return Optional.empty(); // it was launched before there were such notes, or it ends
    }
  }

  /**
   * Says whether a process is this launch's QEMU, though anybody could have written its number into the pid file.
   *
   * @param pid its number
   * @return true if it is
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public boolean is(long pid) {
    try {
      return alive().filter(number -> number == pid).isPresent()
          && (launched().isPresent() || isLaunched(pid));
    } catch (IOException e) {
      throw failure("look for the process of qemu", e);
    }
  }

  /**
   * Says who holds the lock on the pid file.
   *
   * @return its process id, empty if nobody does
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public Optional<Long> locked() {
    Optional<Optional<Long>> seen = holder();
    if (seen.isEmpty() && served()) {
      // QEMU makes its pid file before its sockets: it may have come up while we looked. Or it ends
      // without removing its sockets, and the kernel is about to close them.
      boolean clear = Pauses.until(
          "look at the pid file in " + directory, ENDING, () -> holder().isPresent() || !served());
      seen = holder();
      if (!clear && seen.isEmpty()) {
        throw failure(
            "look at the pid file", new IOException("it is gone, but somebody serves the monitor"));
      }
    }
    return seen.orElse(Optional.empty());
  }

  /** Looks who holds the lock, empty within if nobody; empty if there is no pid file, or none yet. */
  private Optional<Optional<Long>> holder() {
    try (PidLock lock = PidLock.open(pidFile())) {
      if (!lock.written()) {
        return Optional.empty();
      }
      return Optional.of(
          lock.held()
              ? Optional.of(Long.parseLong(GuardedFiles.read(pidFile()).strip()))
              : Optional.empty());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | NumberFormatException e) {
      throw failure("look at the pid file", e);
    }
  }

  /** QEMU removes its pid file after its sockets, so without the one nobody should serve the others. */
  private boolean served() {
    return served(rescueMonitor()) || served(link(rescueMonitor()));
  }

  private boolean served(Path socket) {
    if (!GuardedFiles.isSocket(socket)) {
      return false;
    }
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.configureBlocking(false);
      boolean ignored = GuardedFiles.connect(channel, socket);
      return true;
    } catch (ConnectException | NoSuchFileException e) {
      return false; // nobody listens
    } catch (SocketException e) {
      return true; // EAGAIN: others wait to be let in
    } catch (IOException e) {
      throw failure("look at the monitor", e);
    }
  }

  private N0Exception failure(String what, Exception cause) {
    return DurableFiles.failure(directory.toString(), what + " in " + directory, cause);
  }
}
