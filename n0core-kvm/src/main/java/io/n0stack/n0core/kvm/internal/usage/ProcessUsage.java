package io.n0stack.n0core.kvm.internal.usage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineUsage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the kernel knows of a QEMU process, proc(5). */
final class ProcessUsage {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessUsage.class);
  private static final long NANOS_PER_TICK =
      10_000_000; // of user space, on every architecture we run on
  private static final int UTIME = 11; // fields of stat, counted from the state, which is 0
  private static final int STIME = 12;
  private static final int RSS = 21;
  private static final long PAGE = 4096;
  private static final String TAP = "iff:\t";

  private final Path process;
  private final String[] stat;

  ProcessUsage(long pid) {
    process = Path.of("/proc", String.valueOf(pid));
    stat = stat(process.resolve("stat"));
  }

  private static String[] stat(Path file) {
    String text = read(file);
    return text.substring(text.lastIndexOf(')') + 2).split(" ", -1);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, file.toString(), "read " + file + ": " + e.getMessage(), e);
    }
  }

  Duration time() {
    return time(stat);
  }

  private static Duration time(String[] stat) {
    long ticks = Long.parseLong(stat[UTIME]) + Long.parseLong(stat[STIME]);
    return Duration.ofNanos(ticks * NANOS_PER_TICK);
  }

  Duration threadTime(long thread) {
    return time(stat(process.resolve("task").resolve(String.valueOf(thread)).resolve("stat")));
  }

  long residentBytes() {
    return Long.parseLong(stat[RSS]) * PAGE;
  }

  /** Finds the taps that it has open; their counters are in its network namespace. */
  List<MachineUsage.Nic> nics() {
    TreeSet<String> taps = new TreeSet<>();
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : descriptors) {
        tap(descriptor, taps);
      }
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          process.toString(),
          "look at the descriptors in " + process + ": " + e.getMessage(),
          e);
    }
    if (taps.isEmpty()) {
      return List.of();
    }
    Map<String, MachineUsage.Nic> counters = counters();
    List<MachineUsage.Nic> nics = new ArrayList<>();
    for (String tap : taps) {
      if (counters.containsKey(tap)) {
        nics.add(counters.get(tap));
      }
    }
    return List.copyOf(nics);
  }

  private void tap(Path descriptor, Set<String> taps) {
    try {
      if (Files.readSymbolicLink(descriptor).toString().equals("/dev/net/tun")) {
        Files.readString(
                process.resolve("fdinfo").resolve(String.valueOf(descriptor.getFileName())))
            .lines()
            .filter(line -> line.startsWith(TAP))
            .forEach(line -> taps.add(line.substring(TAP.length()).trim()));
      }
    } catch (NoSuchFileException e) {
      LOG.debug("{} was closed while we looked", descriptor);
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          descriptor.toString(),
          "look at " + descriptor + ": " + e.getMessage(),
          e);
    }
  }

  /** What a tap receives the guest has sent. */
  private Map<String, MachineUsage.Nic> counters() {
    Map<String, MachineUsage.Nic> found = new HashMap<>();
    read(process.resolve("net").resolve("dev"))
        .lines()
        .filter(line -> line.contains(":"))
        .forEach(line -> {
          int colon = line.lastIndexOf(':');
          String name = line.substring(0, colon).trim();
          String[] n = line.substring(colon + 1).trim().split("\\s+", -1);
          found.put(
              name,
              new MachineUsage.Nic(
                  name, number(n[8]), number(n[9]), number(n[0]), number(n[1]), number(n[11])));
        });
    return found;
  }

  private static long number(String text) {
    return Long.parseUnsignedLong(text);
  }
}
