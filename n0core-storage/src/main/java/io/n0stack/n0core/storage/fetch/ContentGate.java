package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Looks at content, once uncompressed, before it is published, and may refuse it. Whatever it throws
 * ends the transfer, and nothing of the content is kept.
 *
 * @since 0.1
 */
public interface ContentGate {
  /** Lets everything through. */
  ContentGate OPEN = new ContentGate() {};

  /**
   * Says how much of the content {@link #head} is to see.
   *
   * @return bytes, 1 to 1 MiB
   */
  default int headBytes() {
    return 64 << 10;
  }

  /**
   * Looks at the beginning while the rest is still coming.
   *
   * @param head the first {@link #headBytes()} bytes, or all if there are fewer
   * @param partial the file so far, which has at least these bytes
   * @throws N0Exception to refuse
   */
  default void head(ByteBuffer head, Path partial) {}

  /**
   * Looks at the whole, whose digests are already verified. It must not be changed.
   *
   * @param file the file, not yet published
   * @throws N0Exception to refuse
   */
  default void complete(Path file) {}

  /**
   * Makes a gate of an image gate, which sees the header of a qcow2 image early and every image whole.
   *
   * @param gate what images must pass
   * @param format the format their owner states
   * @return a gate
   */
  static ContentGate of(ImageGate gate, ImageFormat format) {
    return new HeaderGate(gate, format);
  }
}
