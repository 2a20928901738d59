package io.n0stack.n0core.net.internal;

/**
 * What one datagram asks the kernel. Its {@code toString} says so in words, such as {@code add link
 * "br0"}, and is called only when something goes wrong.
 */
public interface Request {
  /**
   * Writes one message or more. The sequence numbers are not its business.
   *
   * @param message takes them
   */
  void write(MessageWriter message);
}
