package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Why a QEMU that is alive by its lock does not answer. */
public final class Silence {
  private static final Path SOCKETS = Path.of("/proc/net/unix");
  private static final int FLAGS = 3; // the columns of /proc/net/unix, unix(7)
  private static final int STATE = 5;
  private static final int PATH = 7;
  private static final String LISTENS = "00010000";
  private static final String CONNECTED = "03";

  private Silence() {}

  /**
   * Says whether a process is stopped by a signal or a debugger; such a one answers nobody.
   *
   * @param pid the process
   * @return true if it is; false also if it has ended
   */
  public static boolean stopped(long pid) {
    try {
      String stat = Files.readString(
          Path.of("/proc", String.valueOf(pid), "stat"), StandardCharsets.ISO_8859_1);
      char state = stat.charAt(stat.lastIndexOf(')') + 2);
      return state == 'T' || state == 't';
    } catch (IOException | IndexOutOfBoundsException e) {
      return false; // it may have ended just now, which is not for us to say
    }
  }

  /**
   * Describes a QEMU that is not even asked because it is stopped.
   *
   * @param name the machine's name
   * @param pid its QEMU
   * @return what to throw, UNAVAILABLE
   */
  public static N0Exception stopped(String name, long pid) {
    return failure(
        N0Exception.Code.UNAVAILABLE,
        name,
        pid,
        "is stopped by a signal: kill -CONT lets it go on");
  }

  /**
   * Finds out why a QEMU did not answer: stopped, out of reach, or busy with other clients.
   *
   * @param name the machine's name
   * @param run its launch
   * @param pid its QEMU
   * @param cause what became of the question
   * @return what to throw, with the code of its cause
   */
  public static N0Exception of(String name, Run run, long pid, N0Exception cause) {
    N0Exception why = failure(cause.code(), name, pid, reason(run, pid, cause));
    why.initCause(cause);
    return why;
  }

  private static String reason(Run run, long pid, N0Exception cause) {
    if (stopped(pid)) {
      return "is stopped by a signal: kill -CONT lets it go on";
    }
    if (!run.reachable()) {
      return "cannot be reached: the sockets of its monitors are gone from " + run.directory();
    }
    if (cause.code() == N0Exception.Code.BUSY) {
      return held(run.monitor()) && held(run.rescueMonitor())
          ? "is busy: other clients hold both of its monitors"
          : "is silent: it hangs, or both of its monitors are busy with other clients";
    }
    return "does not answer: " + cause.getMessage();
  }

  /** Says whether somebody was let in at a monitor; in vain if QEMU has another network namespace. */
  private static boolean held(Path socket) {
    try (Stream<String> lines = Files.lines(SOCKETS, StandardCharsets.ISO_8859_1)) {
      return lines
          .map(line -> line.trim().split("\\s+", PATH + 1))
          .anyMatch(columns -> columns.length > PATH
              && columns[PATH].equals(socket.toString())
              && columns[STATE].equals(CONNECTED)
              && !columns[FLAGS].equals(LISTENS));
    } catch (IOException e) {
      return false;
    }
  }

  private static N0Exception failure(N0Exception.Code code, String name, long pid, String reason) {
    return new N0Exception(
        code,
        name,
        "look at machine \"" + name + "\": its QEMU, process " + pid + ", lives but " + reason);
  }
}
