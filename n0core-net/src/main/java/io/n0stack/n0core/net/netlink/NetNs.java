package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.NamespaceCalls;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A network namespace that is held: it lasts at least until this is closed. See network_namespaces(7)
 * and ip-netns(8), whose directory the names are in.
 *
 * <p>No thread of the caller's ever changes its namespace: what must happen in one happens on a
 * platform thread that dies with it. Thread-safe.
 *
 * @since 0.1
 */
public final class NetNs implements AutoCloseable {
  private static final Path NAMED = Path.of("/run/netns");
  private static final Path PROCESSES = Path.of("/proc");

  private final String description;
  private final AtomicInteger fd;

  private NetNs(String description, int fd) {
    this.description = description;
    this.fd = new AtomicInteger(fd);
  }

  /**
   * Holds the namespace of the calling thread.
   *
   * @return the namespace, which the caller closes
   */
  public static NetNs current() {
    return new NetNs("current", NamespaceCalls.open());
  }

  /**
   * Holds the namespace of a name.
   *
   * @param name as {@code ip netns list} prints it
   * @return the namespace, which the caller closes
   * @throws OsException NOT_FOUND if there is none
   */
  public static NetNs named(String name) {
    return new NetNs(name, NamespaceCalls.open(path(name)));
  }

  /**
   * Holds the namespace of a process.
   *
   * @param pid its id
   * @return the namespace, which the caller closes
   * @throws OsException NOT_FOUND if there is no such process; PERMISSION if it is another user's
   */
  public static NetNs ofProcess(long pid) {
    Rules.range("pid", pid, 1, Integer.MAX_VALUE);
    return at(PROCESSES.resolve(pid + "/ns/net"));
  }

  /**
   * Holds the namespace that a file stands for.
   *
   * @param file such as {@code /proc/1/ns/net}
   * @return the namespace, which the caller closes
   * @throws OsException if the kernel refuses
   */
  public static NetNs at(Path file) {
    return new NetNs(file.toString(), NamespaceCalls.open(file));
  }

  /**
   * Makes a namespace without a name, which goes when nobody holds it and no process is in it.
   *
   * @return the namespace, which the caller closes
   * @throws OsException PERMISSION without CAP_SYS_ADMIN
   */
  public static NetNs create() {
    return new NetNs("unnamed", NamespaceCalls.create());
  }

  /**
   * Makes a namespace with a name, which stays until it is deleted.
   *
   * @param name 1 to 255 bytes, a file name
   * @return the namespace, which the caller closes
   * @throws N0Exception ALREADY_EXISTS if there is one of the name; PERMISSION without CAP_SYS_ADMIN
   */
  public static NetNs create(String name) {
    Path file = path(name);
    String what = "create network namespace " + Rules.quote(name);
    try {
      Files.createDirectories(NAMED);
      Files.createFile(file);
    } catch (FileAlreadyExistsException e) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS, what, what + ": there is one of the name", e);
    } catch (IOException e) {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, what, what + ": " + e.getMessage(), e);
    }
    try {
      NamespaceCalls.create(NAMED, file);
      return named(name);
    } catch (N0Exception e) {
      remove(what, file);
      throw e;
    }
  }

  /**
   * Takes the name from a namespace, which goes when nobody holds it and no process is in it.
   *
   * @param name as {@code ip netns list} prints it
   * @throws N0Exception NOT_FOUND if there is none
   */
  public static void delete(String name) {
    Path file = path(name);
    String what = "delete network namespace " + Rules.quote(name);
    if (!Files.exists(file)) {
      throw new N0Exception(N0Exception.Code.NOT_FOUND, what, what + ": there is none");
    }
    try {
      NamespaceCalls.unmount(file);
    } catch (OsException e) {
      // A file that nothing is mounted on is what a creation leaves that was killed.
      if (!e.errnoName().equals("EINVAL")) {
        throw e;
      }
    }
    remove(what, file);
  }

  private static void remove(String what, Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, what, what + ": " + e.getMessage(), e);
    }
  }

  /**
   * Lists the names.
   *
   * @return sorted; empty if there are none
   */
  public static List<String> names() {
    try (Stream<Path> files = Files.list(NAMED)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          "list network namespaces",
          "list network namespaces: " + e.getMessage(),
          e);
    }
  }

  private static Path path(String name) {
    if (name.isEmpty() || name.equals(".") || name.equals("..") || name.matches(".*[/\0].*")) {
      throw N0Exception.invalid("name", name, "must be a file name");
    }
    return NAMED.resolve(name);
  }

  /**
   * Runs something in this namespace, on a platform thread of its own, and waits for it. Threads that
   * it starts, also by using a pool for the first time, stay in the namespace; processes, too.
   *
   * @param body what to run; short, and without logging
   * @param <T> what it returns
   * @return what it returned
   * @throws OsException PERMISSION without CAP_SYS_ADMIN
   * @throws N0Exception around an IOException that it threw: PERMISSION if something is forbidden or may
   *     only be read, EXHAUSTED if there is no space, otherwise UNAVAILABLE
   * @throws IllegalStateException around another checked exception that it threw; an unchecked one as
   *     it is
   */
  public <T> T call(Callable<T> body) {
    return NamespaceCalls.within(fd(), body);
  }

  /** Returns the descriptor, for as long as this is held. */
  int fd() {
    int held = fd.get();
    if (held < 0) {
      throw new IllegalStateException("network namespace " + description + " is closed");
    }
    return held;
  }

  /** Stops holding the namespace. Deletes nothing by itself. */
  @Override
  public void close() {
    int held = fd.getAndSet(-1);
    if (held >= 0) {
      SystemCalls.close(held);
    }
  }

  @Override
  public String toString() {
    return description;
  }
}
