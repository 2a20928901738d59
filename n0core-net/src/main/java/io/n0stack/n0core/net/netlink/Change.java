package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import java.util.function.Consumer;

/**
 * One change that the kernel makes in one message, for {@link Netlink#batch}. Immutable; made by the
 * static methods of {@link Links}, {@link Addresses} and their like.
 *
 * @since 0.1
 */
public final class Change {
  private final Request request;

  private Change(Request request) {
    this.request = request;
  }

  static Change of(Request request) {
    return new Change(request);
  }

  /** Makes a change whose words are made only if they are needed. */
  static Change of(Words words, Consumer<MessageWriter> writing) {
    return new Change(new Request() {
      @Override
      public void write(MessageWriter message) {
        writing.accept(message);
      }

      @Override
      public String toString() {
        return words.text();
      }
    });
  }

  /** Says what a request is about. */
  @FunctionalInterface
  interface Words {
    String text();
  }

  Request request() {
    return request;
  }

  /** Says what is changed, such as {@code add link "br0"}. */
  @Override
  public String toString() {
    return request.toString();
  }
}
