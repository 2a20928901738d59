package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers of linux/netlink.h, which all families share. */
@SuppressWarnings("MissingJavadocMethod")
public final class Wire {
  public static final int NETLINK_ROUTE = 0;
  public static final int NETLINK_NETFILTER = 12;

  public static final int NLMSG_HEADER = 16; // struct nlmsghdr
  public static final int NLMSG_NOOP = 1;
  public static final int NLMSG_ERROR = 2;
  public static final int NLMSG_DONE = 3;
  public static final int NLMSG_OVERRUN = 4;

  public static final int NLM_F_REQUEST = 0x1;
  public static final int NLM_F_MULTI = 0x2;
  public static final int NLM_F_ACK = 0x4;
  public static final int NLM_F_ECHO = 0x8;
  public static final int NLM_F_DUMP_INTR = 0x10;
  public static final int NLM_F_CAPPED = 0x100; // of an answer
  public static final int NLM_F_ACK_TLVS = 0x200; // of an answer
  public static final int NLM_F_REPLACE = 0x100;
  public static final int NLM_F_EXCL = 0x200;
  public static final int NLM_F_DUMP = 0x300;
  public static final int NLM_F_CREATE = 0x400;
  public static final int NLM_F_APPEND = 0x800;

  public static final int NLMSGERR_ATTR_MSG = 1;
  public static final int NLMSGERR_ATTR_OFFS = 2;
  public static final int NLMSGERR_ATTR_MISS_TYPE = 5;

  public static final int NLA_HEADER = 4; // struct nlattr
  public static final int NLA_F_NESTED = 0x8000;
  public static final int NLA_TYPE_MASK = 0x3fff;

  private Wire() {}

  /**
   * Rounds up to where the next message or attribute begins.
   *
   * @param length bytes
   * @return a multiple of four
   */
  public static int align(int length) {
    return (length + 3) & ~3;
  }

  /**
   * Lets octets be read and written as the kernel does.
   *
   * @param octets the octets
   * @return a buffer over the same octets
   */
  public static ByteBuffer order(byte[] octets) {
    return ByteBuffer.wrap(octets).order(ByteOrder.nativeOrder());
  }
}
