package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * The memory of guests whose processors QEMU emulates. Before 9.0 it loses sight of what such a processor writes while
 * the memory is sent, in each block of memory that is a multiple of 64 pages
 * (cpu_physical_memory_sync_dirty_bitmap in include/exec/ram_addr.h). What comes with the board is made not to be one.
 */
final class EmulatedMemory {
  private static final long BLOCK = 64 * 4096;
  private static final int MENDED = 9;

  private EmulatedMemory() {}

  /** Says whether pages of a guest that runs meanwhile may arrive as they were before. */
  static boolean isLost(Monitor monitor) {
    if (monitor.greeting().number("/version/qemu/major") >= MENDED) {
      return false;
    }
    QmpResult memory = monitor.execute("query-memory-size-summary");
    long plugged = memory.find("/plugged-memory").map(bytes -> bytes.number("")).orElse(0L);
    return memory.number("/base-memory") % BLOCK == 0 || plugged > 0;
  }
}
