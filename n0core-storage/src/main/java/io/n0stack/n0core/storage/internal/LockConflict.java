package io.n0stack.n0core.storage.internal;

/**
 * A lock of another that stands in the way.
 *
 * @param exclusive whether it is a write lock
 * @param start its first byte
 * @param length its bytes, 0 for all that follow
 * @param pid the process, or -1 if the lock belongs to an open file rather than a process
 */
public record LockConflict(boolean exclusive, long start, long length, int pid) {
  /**
   * Returns the byte after its last.
   *
   * @return an offset, the largest there is for a lock without an end
   */
  public long end() {
    return length == 0 ? Long.MAX_VALUE : start + length;
  }
}
