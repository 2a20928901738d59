package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.OsException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * Network namespaces. A namespace belongs to a thread of the operating system, threads inherit it,
 * and pools keep their threads: whatever must run in another one runs on a platform thread that does
 * it and dies.
 */
public final class NamespaceCalls {
  private static final LibC C = LibC.INSTANCE;
  private static final int CLONE_NEWNET = 0x40000000; // linux/sched.h
  private static final int MS_BIND = 0x1000; // linux/mount.h
  private static final int MS_REC = 0x4000;
  private static final int MS_SHARED = 0x100000;
  private static final int MNT_DETACH = 2;
  private static final int O_RDONLY_CLOEXEC = 0x80000;
  private static final String OWN = "/proc/thread-self/ns/net";

  private NamespaceCalls() {}

  /**
   * Opens the namespace of the calling thread.
   *
   * @return the descriptor
   */
  public static int open() {
    return open(Path.of(OWN));
  }

  /**
   * Opens the namespace that a file stands for.
   *
   * @param path the file
   * @return the descriptor
   */
  public static int open(Path path) {
    return SystemCalls.open(path.toString(), O_RDONLY_CLOEXEC);
  }

  /**
   * Runs something in a namespace.
   *
   * @param fd the namespace, as {@link #open} gives it
   * @param body what to run
   * @param <T> what it is
   * @return what it returned
   * @throws OsException if the kernel refuses to enter it
   */
  public static <T> T within(int fd, Callable<T> body) {
    return onNewThread(() -> {
      SystemCalls.check(C.setns(fd, CLONE_NEWNET), "enter network namespace");
      return body.call();
    });
  }

  /**
   * Makes a namespace that lasts as long as its descriptor.
   *
   * @return the descriptor
   */
  public static int create() {
    return onNewThread(() -> {
      unshare();
      return open();
    });
  }

  /**
   * Makes a namespace that a file stands for until it is unmounted.
   *
   * @param directory becomes a mount that others see, as ip-netns(8) makes it
   * @param file an empty file in it
   */
  public static void create(Path directory, Path file) {
    onNewThread(() -> {
      share(directory);
      unshare();
      SystemCalls.check(
          C.mount(OWN, file.toString(), "none", MS_BIND, 0), "mount network namespace " + file);
      return null;
    });
  }

  private static void share(Path directory) {
    String path = directory.toString();
    if (C.mount("", path, "none", MS_SHARED | MS_REC, 0) < 0) {
      // It is no mount yet.
      SystemCalls.check(
          C.mount(path, path, "none", MS_BIND | MS_REC, 0), "mount directory " + path);
      SystemCalls.check(
          C.mount("", path, "none", MS_SHARED | MS_REC, 0), "share directory " + path);
    }
  }

  private static void unshare() {
    SystemCalls.check(C.unshare(CLONE_NEWNET), "create network namespace");
  }

  /**
   * Takes from a file what it stands for.
   *
   * @param file the file
   */
  public static void unmount(Path file) {
    SystemCalls.check(C.umount2(file.toString(), MNT_DETACH), "unmount network namespace " + file);
  }

  /** When it returns, the thread is gone, and with it what it held of the namespace. */
  private static <T> T onNewThread(Callable<T> body) {
    FutureTask<T> task = new FutureTask<>(body);
    Thread thread = new Thread(task, "n0core-netns");
    thread.setDaemon(true);
    thread.start();
    boolean interrupted = Thread.interrupted();
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        // What runs there opens descriptors, which nobody would close.
        interrupted = true;
      }
    }
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw rethrown(e.getCause());
    } catch (InterruptedException e) {
      throw new AssertionError("a task that is done keeps nobody waiting", e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static RuntimeException rethrown(@Nullable Throwable cause) {
    if (cause instanceof Error error) {
      throw error;
    }
    if (cause instanceof RuntimeException unchecked) {
      return unchecked;
    }
    if (cause instanceof IOException failure) {
      return FileFailures.of("work in a network namespace", "network namespace", failure);
    }
    return new IllegalStateException("failed in another network namespace", cause);
  }
}
