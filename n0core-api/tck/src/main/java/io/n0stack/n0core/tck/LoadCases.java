package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Many operations at once, and many in a row. */
final class LoadCases<S extends Spec, T> {
  private static final int AT_ONCE = 16;
  private static final int THREADS = 4;
  private static final int WARM_UP_SHARE = 5;
  private static final int HEAP_PER_CYCLE = 1024;
  private static final int HEAP_NOISE = 256 * 1024;
  private static final int HANDLES_SHARE = 20;
  private static final int LOOKS = 5;

  private final Bench<S, T> bench;

  LoadCases(Bench<S, T> bench) {
    this.bench = bench;
  }

  void manyAtOnce() {
    bench.with(driver -> {
      Set<ResourceId> before = driver.list();
      List<ResourceId> ids =
          IntStream.range(0, AT_ONCE).mapToObj(i -> bench.fresh(driver)).toList();
      parallel(
          AT_ONCE, AT_ONCE, i -> driver.apply(bench.context(), ids.get(i), bench.fixture.spec(i)));
      ids.forEach(id -> bench.complete(driver, id, "made at once with others"));
      Set<ResourceId> expected = new HashSet<>(before);
      expected.addAll(ids);
      bench.same("listed after parallel creates", driver.list(), expected);
      parallel(AT_ONCE, AT_ONCE, i -> driver.delete(bench.context(), ids.get(i)));
      ids.forEach(id -> bench.absent(driver, id, "deleted at once with others"));
    });
  }

  private record Usage(long handles, long threads, long heap) {
    /** What is kept for a moment, such as an idle connection, is not lost: the least of a second counts. */
    static Usage settled() {
      Usage least = now();
      for (int i = 0; i < LOOKS; i++) {
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1) / LOOKS);
        least = least.least(now());
      }
      return least;
    }

    private static Usage now() {
      long heap = Long.MAX_VALUE;
      for (int i = 0; i < 4; i++) {
        System.gc();
        heap = Math.min(
            heap, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
      }
      try (Stream<Path> handles = Files.list(Path.of("/proc/self/fd"))) {
        return new Usage(handles.count(), Thread.getAllStackTraces().size(), heap);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    Usage since(Usage before) {
      return new Usage(handles - before.handles, threads - before.threads, heap - before.heap);
    }

    /** A leak grows in every block; what a virtual machine does on its own does not. */
    Usage least(Usage other) {
      return new Usage(
          Math.min(handles, other.handles),
          Math.min(threads, other.threads),
          Math.min(heap, other.heap));
    }
  }

  void nothingLeaks() {
    int cycles = bench.fixture.cycles();
    int block = Math.max(1, (cycles - cycles / WARM_UP_SHARE) / 2);
    bench.countCycles(cycles);
    bench.with(driver -> {
      live(driver, cycles - 2 * block);
      Usage begin = Usage.settled();
      live(driver, block);
      Usage middle = Usage.settled();
      live(driver, block);
      Usage growth = middle.since(begin).least(Usage.settled().since(middle));
      String of = " that " + block + " cycles leak: " + growth;
      long few = Math.max(2, block / HANDLES_SHARE);
      bench.holds("file descriptors" + of, growth.handles < few);
      bench.holds("threads" + of, growth.threads < few);
      bench.holds("heap" + of, growth.heap < HEAP_NOISE + (long) block * HEAP_PER_CYCLE);
    });
  }

  private void live(Driver<S, T> driver, int cycles) {
    parallel(THREADS, THREADS, thread -> {
      for (int i = thread; i < cycles; i += THREADS) {
        live(driver, bench.fixture.spec(thread), i / THREADS % 10 == 0);
      }
    });
  }

  private void live(Driver<S, T> driver, S spec, boolean reopen) {
    ResourceId id = bench.fresh(driver);
    driver.apply(bench.context(), id, spec);
    if (reopen) { // what opening and closing leaks counts, too
      bench.with(other -> requirePresent(other, id));
    } else {
      requirePresent(driver, id);
    }
    driver.delete(bench.context(), id);
  }

  private void requirePresent(Driver<S, T> driver, ResourceId id) {
    bench.holds(
        "present in a cycle",
        driver.observe(id) instanceof io.n0stack.n0core.api.driver.Observed.Present);
  }

  /** The threads are begun by the caller, so that they are in its network namespace. */
  private static void parallel(int threads, int count, IntConsumer body) {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    CountDownLatch begin = new CountDownLatch(1);
    try {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        all.add(pool.submit(() -> {
          begin.await();
          body.accept(number);
          return null;
        }));
      }
      begin.countDown();
      for (Future<?> one : all) {
        one.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    } catch (ExecutionException e) {
      throw new AssertionError("in parallel: " + e.getCause(), e.getCause());
    } finally {
      end(pool);
    }
  }

  private static void end(ExecutorService pool) {
    pool.shutdown();
    try {
      if (!pool.awaitTermination(1, TimeUnit.MINUTES)) {
        throw new AssertionError("operations that do not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
