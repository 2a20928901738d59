package io.n0stack.n0core.storage.qemuimg;

/**
 * Told several times a second how far a run has come, on the thread that called.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface Progress {
  /**
   * Takes note. Whatever it throws ends the run: {@code qemu-img} is killed, and the call throws the
   * same.
   *
   * @param fraction how much is done, 0 to 1; stays 0 for what does not tell
   */
  void at(double fraction);
}
