package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;

/**
 * Where a running volume is copied to, and how.
 *
 * @param target absolute path of an image that exists, is empty and has the volume's size
 * @param format its format
 * @param mode when the guest's writes reach the copy
 * @param bytesPerSecond the rate at which the job copies, 0 for as fast as it can
 * @since 0.1
 */
public record MirrorSpec(Path target, ImageFormat format, Mode mode, long bytesPerSecond) {
  /** Checks the path and the rate. */
  public MirrorSpec {
    Rules.absolutePath("target", target);
    Rules.range("bytesPerSecond", bytesPerSecond, 0, Long.MAX_VALUE);
  }

  /**
   * When the guest's writes reach the copy.
   *
   * @since 0.1
   */
  public enum Mode {
    /** Later: the guest is not slowed, but one that writes faster than the target never gets ready. */
    BACKGROUND("background"),
    /** Before the guest is told that they are done: the copy surely gets ready. */
    WRITE_BLOCKING("write-blocking");

    private final String word;

    Mode(String word) {
      this.word = word;
    }

    String word() {
      return word;
    }
  }

  /**
   * Makes a spec of a copy in the background.
   *
   * @param target absolute path of an image that exists
   * @param format its format
   * @return the spec
   */
  public static MirrorSpec of(Path target, ImageFormat format) {
    return new MirrorSpec(target, format, Mode.BACKGROUND, 0);
  }

  /**
   * Changes the mode.
   *
   * @param other when the guest's writes reach the copy
   * @return a changed copy
   */
  public MirrorSpec withMode(Mode other) {
    return new MirrorSpec(target, format, other, bytesPerSecond);
  }

  /**
   * Changes the rate.
   *
   * @param rate bytes in a second, 0 for as fast as it can
   * @return a changed copy
   */
  public MirrorSpec withBytesPerSecond(long rate) {
    return new MirrorSpec(target, format, mode, rate);
  }
}
