package io.n0stack.n0core.storage.file;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Syncs many files, several at a time: then the disk flushes its cache once for all that wait, and the
 * file system commits its journal once, instead of once for each.
 */
final class Syncs {
  private static final int MOST_THREADS = 8;
  private static final int FILES_PER_THREAD = 8;

  private Syncs() {}

  /** Syncs all; nothing is being synced any more when this returns or throws the first failure. */
  static void of(List<Temporary> files) {
    int shares = Math.max(1, Math.min(MOST_THREADS, files.size() / FILES_PER_THREAD));
    List<FutureTask<Integer>> tasks = new ArrayList<>();
    for (int share = 0; share < shares; share++) {
      int first = share;
      tasks.add(new FutureTask<>(() -> sync(files, first, shares), shares));
    }
    List<Thread> threads = new ArrayList<>();
    try {
      for (FutureTask<Integer> task : tasks.subList(1, shares)) {
        Thread thread = new Thread(task, "n0core-sync");
        thread.setDaemon(true);
        thread.start();
        threads.add(thread);
      }
      tasks.get(0).run();
    } finally {
      join(threads);
    }
    tasks.forEach(Syncs::requireDone);
  }

  private static void sync(List<Temporary> files, int first, int step) {
    for (int i = first; i < files.size(); i += step) {
      files.get(i).sync();
    }
  }

  /** Waits however often it is interrupted: the caller closes the files next. */
  private static void join(List<Thread> threads) {
    boolean interrupted = false;
    for (Thread thread : threads) {
      boolean ended = false;
      while (!ended) {
        try {
          thread.join();
          ended = true;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void requireDone(FutureTask<Integer> task) {
    boolean interrupted = Thread.interrupted(); // which get would throw, done or not
    try {
      int unused = task.get();
    } catch (InterruptedException e) {
      throw new IllegalStateException("a task that is done is not waited for", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException(e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
