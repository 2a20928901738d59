package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * What the kernel said about a message: an error, or, with errno 0, words about one that it did.
 *
 * @param errno the positive error number, 0 for a warning
 * @param words the text of the extended ACK, empty if there is none
 * @param offset where in the message, -1 if it is not said
 * @param path the types of the attributes around the offset, from the outermost
 * @param missing the type of an attribute that is missing, -1 if none is said to be
 */
public record Refusal(int errno, String words, int offset, List<Integer> path, int missing) {
  private static final int EBADMSG = 74;

  /** Copies the path. */
  public Refusal {
    path = List.copyOf(path);
  }

  /** Says that what came is not netlink. */
  static Refusal malformed(String why) {
    return new Refusal(EBADMSG, why, -1, List.of(), -1);
  }

  /**
   * Decodes NLMSG_ERROR or NLMSG_DONE between two offsets.
   *
   * @param request the datagram that was sent
   * @param message which of its messages it is about
   */
  static Refusal decode(ByteBuffer bytes, int from, int to, MessageWriter request, int message) {
    boolean done = bytes.getShort(from + 4) == Wire.NLMSG_DONE;
    int body = from + Wire.NLMSG_HEADER;
    if (to - body < Integer.BYTES) {
      return done
          ? new Refusal(0, "", -1, List.of(), -1)
          : malformed("acknowledgement without error number");
    }
    int error = bytes.getInt(body);
    String words = "";
    int offset = -1;
    int missing = -1;
    Attributes attributes = new Attributes(bytes, details(bytes, from, to, done), to);
    while (attributes.advance()) {
      switch (attributes.type()) {
        case Wire.NLMSGERR_ATTR_MSG -> words = attributes.text();
        case Wire.NLMSGERR_ATTR_OFFS -> offset = attributes.number() & Integer.MAX_VALUE;
        case Wire.NLMSGERR_ATTR_MISS_TYPE -> missing = attributes.number() & Integer.MAX_VALUE;
        default -> {
          // policies and cookies are for tools that print them
        }
      }
    }
    // A dump ends with how much it has; a kernel never answers with Integer.MIN_VALUE.
    int errno = error >= 0 ? 0 : Math.max(1, -error);
    List<Integer> path = offset < 0 ? List.of() : request.path(message, offset);
    return new Refusal(errno, words, offset, path, missing);
  }

  /** Finds where the attributes begin: behind the copy of the request, whole or capped. */
  private static int details(ByteBuffer bytes, int from, int to, boolean done) {
    int flags = bytes.getShort(from + 6);
    int body = from + Wire.NLMSG_HEADER + Integer.BYTES;
    if ((flags & Wire.NLM_F_ACK_TLVS) == 0) {
      return to;
    }
    if (done) {
      return body;
    }
    if (to - body < Wire.NLMSG_HEADER) {
      return to;
    }
    if ((flags & Wire.NLM_F_CAPPED) != 0) {
      return body + Wire.NLMSG_HEADER;
    }
    int copied = bytes.getInt(body);
    return copied < Wire.NLMSG_HEADER || copied > to - body ? to : body + Wire.align(copied);
  }
}
