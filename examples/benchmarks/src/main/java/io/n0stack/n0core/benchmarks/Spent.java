package io.n0stack.n0core.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * What something took.
 *
 * @param wallMicros microseconds that passed
 * @param cpuMicros microseconds of CPU, of the kernel too, in the thread that did it
 */
record Spent(double wallMicros, double cpuMicros) {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Does something some number of times in this thread. */
  static Spent by(int times, Rounds.Side side) throws Exception {
    long cpu = THREADS.getCurrentThreadCpuTime();
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      side.run();
    }
    double wall = (System.nanoTime() - start) / 1e3;
    return new Spent(wall, (THREADS.getCurrentThreadCpuTime() - cpu) / 1e3);
  }
}
