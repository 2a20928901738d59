package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.netlink.Rtnetlink.NLMSG_HEADER;
import static io.n0stack.n0core.net.netlink.Rtnetlink.align;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Writes one or more netlink messages one behind the other. Used by one thread. */
final class MessageWriter {
  private static final int SEQUENCE = 8; // in struct nlmsghdr
  private static final int PORT = 12;

  private final ByteBuffer bytes;
  private int begin;
  private int end;
  private int messages;

  /** Writes into a buffer in native byte order. */
  MessageWriter(ByteBuffer bytes) {
    this.bytes = bytes;
  }

  void reset() {
    begin = 0;
    end = 0;
    messages = 0;
  }

  int length() {
    return end;
  }

  int messages() {
    return messages;
  }

  /** Begins a message about a link. */
  void link(int type, int flags, int index) {
    begin(type, flags, Rtnetlink.IFINFO);
    bytes.putInt(begin + NLMSG_HEADER + 4, index);
  }

  /** Sets the flags of the link that this message is about: those in the mask. */
  void linkFlags(int flags, int mask) {
    bytes.putInt(begin + NLMSG_HEADER + 8, flags);
    bytes.putInt(begin + NLMSG_HEADER + 12, mask);
  }

  /** Begins a message about an address. */
  void address(int type, int flags, int family, int prefixLength, int index) {
    begin(type, flags, Rtnetlink.IFADDR);
    bytes.put(begin + NLMSG_HEADER, (byte) family);
    bytes.put(begin + NLMSG_HEADER + 1, (byte) prefixLength);
    bytes.putInt(begin + NLMSG_HEADER + 4, index);
  }

  private void begin(int type, int flags, int structure) {
    begin = end;
    messages++;
    for (int i = 0; i < NLMSG_HEADER + structure; i++) {
      bytes.put(begin + i, (byte) 0);
    }
    bytes.putShort(begin + 4, (short) type);
    bytes.putShort(begin + 6, (short) (flags | Rtnetlink.NLM_F_REQUEST));
    end = begin + NLMSG_HEADER + structure;
    finish();
  }

  void number(int type, int value) {
    int at = attribute(type, Integer.BYTES);
    bytes.putInt(at, value);
  }

  void octet(int type, int value) {
    int at = attribute(type, 1);
    bytes.put(at, (byte) value);
  }

  /** Writes a text with its final zero, as the kernel wants names and aliases. */
  void text(int type, String text) {
    octets(type, (text + '\0').getBytes(StandardCharsets.UTF_8));
  }

  void octets(int type, byte[] octets) {
    int at = attribute(type, octets.length);
    bytes.put(at, octets);
  }

  /** Begins an attribute that holds others and says where, for {@link #close}. */
  int open(int type) {
    return attribute(type | Rtnetlink.NLA_F_NESTED, 0) - 4;
  }

  /** Leaves room for a zeroed structure before the nested attributes. */
  void skip(int structure) {
    for (int i = 0; i < structure; i++) {
      bytes.put(end + i, (byte) 0);
    }
    end += structure;
    finish();
  }

  void close(int opened) {
    bytes.putShort(opened, (short) (end - opened));
  }

  private int attribute(int type, int length) {
    int at = end;
    bytes.putShort(at, (short) (4 + length)).putShort(at + 2, (short) type);
    end = at + align(4 + length);
    for (int i = at + 4 + length; i < end; i++) {
      bytes.put(i, (byte) 0);
    }
    finish();
    return at + 4;
  }

  private void finish() {
    bytes.putInt(begin, end - begin);
  }

  /** Numbers the messages, beginning with the given one; none gets 0, which the kernel's events bear. */
  void sequence(int first, int portId, int[] into) {
    int at = 0;
    for (int i = 0; i < messages; i++) {
      int sequence = first + i;
      into[i] = sequence;
      bytes.putInt(at + SEQUENCE, sequence).putInt(at + PORT, portId);
      at += bytes.getInt(at);
    }
  }
}
