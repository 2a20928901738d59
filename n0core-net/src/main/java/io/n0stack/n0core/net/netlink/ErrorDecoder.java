package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.netlink.Rtnetlink.NLMSG_HEADER;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Reads NLMSG_ERROR and the tail of NLMSG_DONE, with their extended ACK. */
final class ErrorDecoder {
  private static final int EBADMSG = 74;

  private ErrorDecoder() {}

  /** Says that what came is not netlink. */
  static NetlinkException malformed(String operation, String why) {
    return new NetlinkException(operation, EBADMSG, why, -1);
  }

  /**
   * Decodes the message between two offsets.
   *
   * @return what went wrong, empty for an acknowledgement
   */
  static Optional<NetlinkException> decode(String operation, ByteBuffer bytes, int from, int to) {
    boolean done = bytes.getShort(from + 4) == Rtnetlink.NLMSG_DONE;
    int body = from + NLMSG_HEADER;
    if (to - body < Integer.BYTES) {
      return done
          ? Optional.empty()
          : Optional.of(malformed(operation, "acknowledgement without error number"));
    }
    int error = bytes.getInt(body);
    if (error >= 0) {
      return Optional.empty();
    }
    String text = "";
    int offset = -1;
    Attributes attributes = new Attributes(bytes, details(bytes, from, to, done), to);
    while (attributes.advance()) {
      if (attributes.type() == Rtnetlink.NLMSGERR_ATTR_MSG) {
        text = attributes.text();
      } else if (attributes.type() == Rtnetlink.NLMSGERR_ATTR_OFFS) {
        offset = attributes.number() & Integer.MAX_VALUE;
      }
    }
    // A kernel never answers with Integer.MIN_VALUE; -error would stay negative.
    return Optional.of(new NetlinkException(operation, Math.max(1, -error), text, offset));
  }

  /** Finds where the attributes begin: behind the copy of the request, whole or capped. */
  private static int details(ByteBuffer bytes, int from, int to, boolean done) {
    int flags = bytes.getShort(from + 6);
    int body = from + NLMSG_HEADER + Integer.BYTES;
    if ((flags & Rtnetlink.NLM_F_ACK_TLVS) == 0) {
      return to;
    }
    if (done) {
      return body;
    }
    if (to - body < NLMSG_HEADER) {
      return to;
    }
    if ((flags & Rtnetlink.NLM_F_CAPPED) != 0) {
      return body + NLMSG_HEADER;
    }
    int copied = bytes.getInt(body);
    return copied < NLMSG_HEADER || copied > to - body ? to : body + Rtnetlink.align(copied);
  }
}
