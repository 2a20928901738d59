package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** libvirt, started for the figures alone. The paths that it uses are hidden in our mount namespace. */
final class Libvirt implements AutoCloseable {
  private static final String URI = "qemu:///system";
  private static final Pattern PSS = Pattern.compile("(?m)^Pss:\\s+(\\d+) kB");
  private final String script;
  private final Path directory;

  private Libvirt(String script, Path directory) {
    this.script = script;
    this.directory = directory;
  }

  static Libvirt start(Path scratch) throws IOException, InterruptedException {
    String script = Peer.source("libvirt").toString();
    Path directory = Files.createDirectory(scratch.resolve("libvirt"));
    Peer.run(script, "place", directory.toString());
    Peer.run(script, "start");
    return new Libvirt(script, directory);
  }

  /** Writes down a machine like those of ours, with nothing more in it than what is named. */
  Path define(String name, Path rom, String devices) throws IOException {
    return Files.writeString(directory.resolve(name + ".xml"), """
        <domain type='qemu'><name>%s</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
        <os><type arch='x86_64' machine='q35'>hvm</type><loader type='rom'>%s</loader></os>
        <features><acpi/></features>
        <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>%s
        <serial type='file'><source path='%s'/></serial>
        <controller type='usb' model='none'/><memballoon model='none'/>
        </devices></domain>
        """.formatted(
            name, rom, devices, directory.resolve(name + ".serial")));
  }

  void create(Path definition) throws IOException, InterruptedException {
    Peer.run("virsh", "-q", "-c", URI, "create", definition.toString());
  }

  void destroy(String name) throws IOException, InterruptedException {
    Peer.run("virsh", "-q", "-c", URI, "destroy", name);
  }

  /** Kills the daemon and returns the milliseconds until a new one tells of so many machines that run. */
  double restartMillis(int machines) throws IOException, InterruptedException {
    long start = System.nanoTime();
    Peer.run(script, "restart", String.valueOf(machines));
    return (System.nanoTime() - start) / 1e6;
  }

  /** Returns the memory of its daemons, in MiB; what they share with others is counted in shares. */
  double memoryMib() throws IOException {
    return pssMib(pid("libvirtd")) + pssMib(pid("virtlogd"));
  }

  private static long pid(String daemon) throws IOException {
    return Long.parseLong(Files.readString(Path.of("/run", daemon + ".pid")).strip());
  }

  static double pssMib(long pid) throws IOException {
    Matcher pss =
        PSS.matcher(Files.readString(Path.of("/proc", String.valueOf(pid), "smaps_rollup")));
    if (!pss.find()) {
      throw new IOException("the kernel does not tell the memory of process " + pid);
    }
    return Long.parseLong(pss.group(1)) / 1024.0;
  }

  @Override
  public void close() throws IOException {
    try {
      Peer.run(script, "stop");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("libvirt was not stopped", e);
    }
  }
}
