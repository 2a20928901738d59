package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What the kernel says of the processes of this host, whatever became of the files that they made. */
public final class Processes {
  private static final Path PROC = Path.of("/proc");
  private static final int PF_EXITING = 4; // linux/sched.h
  // Fields of /proc/PID/stat after the name, proc(5)
  private static final int STATE = 0;
  private static final int FLAGS = 6;
  private static final int START = 19;
  private static final String DEAD = "ZX";
  private static final Pattern ANY_MACHINE =
      Pattern.compile("(?s).*\0-pidfile\0(?<place>[^\0]*)/run\\.[^/\0]*/pid\0.*");

  private Processes() {}

  private interface Look {
    void at(Path process) throws IOException;
  }

  private static void each(Look look) {
    Path self = PROC.resolve(String.valueOf(ProcessHandle.current().pid()));
    boolean seen = false;
    try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : all) {
        seen |= process.equals(self);
        try {
          look.at(process);
        } catch (IOException e) {
          if (Files.exists(process)) { // else it has just ended
            throw e;
          }
        }
      }
      if (!seen) {
        throw new IOException("it does not show this process");
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw failure(e);
    }
  }

  private static N0Exception failure(Exception cause) {
    return DurableFiles.failure("processes", "look for processes in " + PROC, cause);
  }

  /**
   * Lists whom processes run as.
   *
   * @return their users: real, effective, saved, and for access to files
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public static Set<Long> users() {
    Set<Long> all = new HashSet<>();
    each(process -> {
      if (!dead(process)) {
        all.addAll(users(process));
      }
    });
    return all;
  }

  private static Set<Long> users(Path process) throws IOException {
    try (Stream<String> lines =
        Files.lines(process.resolve("status"), StandardCharsets.ISO_8859_1)) {
      Set<Long> users = new HashSet<>();
      lines.filter(line -> line.startsWith("Uid:")).findFirst().ifPresent(line -> {
        for (String user : line.substring("Uid:".length()).strip().split("\\s+", -1)) {
          users.add(Long.parseLong(user));
        }
      });
      return users;
    } catch (java.io.UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * Lists the processes of a user.
   *
   * @param uid the user
   * @return their numbers, without those that only wait for their parents to look
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public static List<Long> of(long uid) {
    List<Long> all = new ArrayList<>();
    each(process -> {
      if (users(process).contains(uid) && !dead(process)) {
        all.add(number(process));
      }
    });
    return all;
  }

  /** Lists those whose command lines say that they have their pid file in a machine's directory. */
  static List<Long> launched(Path root, UUID uid, String run) {
    Pattern place = naming(uid, run);
    List<Long> all = new ArrayList<>();
    each(process -> {
      if (says(process, place, root)) {
        all.add(number(process));
      }
    });
    return all;
  }

  /** Says whether {@link #launched} has a process in its list. */
  static boolean isLaunched(long pid, Path root, UUID uid, String run) {
    Path process = place(pid);
    try {
      return says(process, naming(uid, run), root);
    } catch (IOException e) {
      if (unsure(process)) {
        throw failure(e);
      }
      return false;
    }
  }

  /** After a look that failed: a process that has ended is not there, where others are. */
  private static boolean unsure(Path process) {
    return Files.exists(process) || !Files.exists(PROC.resolve("self"));
  }

  private static Pattern naming(UUID uid, String run) {
    return Pattern.compile("(?s).*\0-pidfile\0(?<root>[^\0]*)/" + uid + "/" + run + "/pid\0.*");
  }

  private static boolean says(Path process, Pattern place, Path root) throws IOException {
    Matcher line = place.matcher(commandLine(process));
    return line.matches() && same(root, line.group("root"));
  }

  /**
   * Lists the processes of a user that say that they are another machine's, perhaps of another agent on this host.
   *
   * @param user the user
   * @param run a launch of the machine whose they are not
   * @return their numbers
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public static List<Long> ofOtherMachines(long user, Run run) {
    String own = "/" + run.uid();
    List<Long> all = new ArrayList<>();
    each(process -> {
      Matcher line = ANY_MACHINE.matcher(commandLine(process));
      if (line.matches() && users(process).contains(user) && !dead(process)) {
        String place = line.group("place");
        boolean ours = place.endsWith(own)
            && same(run.root(), place.substring(0, place.length() - own.length()));
        if (!ours) {
          all.add(number(process));
        }
      }
    });
    return all;
  }

  private static boolean same(Path root, String other) throws IOException {
    // In Java's own encoding of names, which only their comparison needs.
    byte[] bytes = other.getBytes(StandardCharsets.ISO_8859_1);
    Path place = Path.of(new String(bytes, StandardCharsets.UTF_8));
    return place.equals(root) || (Files.exists(place) && Files.isSameFile(place, root));
  }

  private static String commandLine(Path process) throws IOException {
    return Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1);
  }

  private static long number(Path process) {
    return Long.parseLong(String.valueOf(process.getFileName()));
  }

  private static Path place(long pid) {
    return PROC.resolve(String.valueOf(pid));
  }

  /** Says whether there is a process that started then; one that only waits for its parent is none. */
  static boolean lives(long pid, long start) throws IOException {
    Path process = place(pid);
    try {
      String[] stat = stat(process);
      return Long.parseLong(stat[START]) == start && !dead(process, stat);
    } catch (IOException e) {
      if (unsure(process)) {
        throw e;
      }
      return false;
    }
  }

  /**
   * Says whether a process has ended, with all that it had open.
   *
   * @param process the process
   * @return true if so, also while its parent has not looked
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public static boolean ended(ProcessHandle process) {
    try {
      return !process.isAlive() || dead(place(process.pid()));
    } catch (IOException e) {
      if (process.isAlive()) {
        throw failure(e);
      }
      return true;
    }
  }

  static long start(long pid) throws IOException {
    return Long.parseLong(stat(place(pid))[START]);
  }

  /** Says whether all threads of a process are zombies: its first one stays until its parent has looked. */
  private static boolean dead(Path process) throws IOException {
    return dead(process, stat(process));
  }

  private static boolean dead(Path process, String[] first) throws IOException {
    return DEAD.contains(first[STATE]) && threads(process, stat -> DEAD.contains(stat[STATE]));
  }

  /** Says whether no thread of a process will ever run its program again. */
  static boolean ending(long pid) throws IOException {
    Path process = place(pid);
    try {
      return exits(stat(process)) && threads(process, Processes::exits);
    } catch (IOException e) {
      if (unsure(process)) {
        throw e;
      }
      return true;
    }
  }

  private static boolean exits(String[] stat) {
    return DEAD.contains(stat[STATE]) || (Long.parseLong(stat[FLAGS]) & PF_EXITING) != 0;
  }

  private interface ThreadTest {
    boolean is(String[] stat);
  }

  private static boolean threads(Path process, ThreadTest all) throws IOException {
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(process.resolve("task"))) {
      for (Path thread : threads) {
        try {
          if (!all.is(stat(thread))) {
            return false;
          }
        } catch (IOException e) {
          if (Files.exists(thread)) {
            throw e;
          }
        }
      }
      return true;
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  private static String[] stat(Path process) throws IOException {
    String stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
    return stat.substring(stat.lastIndexOf(')') + 2).strip().split(" ", -1);
  }
}
