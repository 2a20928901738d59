package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Writes one or more netlink messages one behind the other. Used by one thread. */
public final class MessageWriter {
  private static final int TYPE = 4; // in struct nlmsghdr
  private static final int FLAGS = 6;
  private static final int SEQUENCE = 8;
  private static final int PORT = 12;
  private static final int FIRST_SIZE = 8 * 1024;
  private static final int LARGEST_ATTRIBUTE = 0xffff;

  private NativeBuffer memory = NativeBuffer.allocate(FIRST_SIZE);
  private ByteBuffer bytes = memory.bytes();
  private int begin;
  private int end;
  private int messages;
  private int[] structures = new int[4];

  /** Makes a writer of an empty datagram. */
  public MessageWriter() {}

  void reset() {
    begin = 0;
    end = 0;
    messages = 0;
  }

  NativeBuffer memory() {
    return memory;
  }

  /**
   * Returns how many bytes are written.
   *
   * @return bytes
   */
  public int length() {
    return end;
  }

  /**
   * Copies what is written.
   *
   * @return a new array
   */
  public byte[] copy() {
    byte[] copy = new byte[end];
    bytes.get(0, copy);
    return copy;
  }

  /**
   * Returns how many messages are begun.
   *
   * @return how many
   */
  public int messages() {
    return messages;
  }

  /**
   * Begins a message.
   *
   * @param type nlmsg_type
   * @param flags nlmsg_flags besides NLM_F_REQUEST
   * @param structure bytes of the family's own header, zeroed for {@link #header32} and the like
   */
  public void begin(int type, int flags, int structure) {
    begin = end;
    if (messages == structures.length) {
      structures = Arrays.copyOf(structures, 2 * messages);
    }
    structures[messages++] = structure;
    claim(Wire.NLMSG_HEADER + structure);
    bytes.putShort(begin + TYPE, (short) type).putShort(begin + FLAGS, (short)
        (flags | Wire.NLM_F_REQUEST));
  }

  /**
   * Adds a flag to the message that was begun last.
   *
   * @param flag NLM_F_*
   */
  public void flag(int flag) {
    bytes.putShort(begin + FLAGS, (short) (bytes.getShort(begin + FLAGS) | flag));
  }

  /**
   * Writes an octet of the family's header.
   *
   * @param offset bytes from the beginning
   * @param value the value
   */
  public void header8(int offset, int value) {
    bytes.put(begin + Wire.NLMSG_HEADER + offset, (byte) value);
  }

  /**
   * Writes 16 bits of the family's header.
   *
   * @param offset bytes from the beginning
   * @param value the value
   */
  public void header16(int offset, int value) {
    bytes.putShort(begin + Wire.NLMSG_HEADER + offset, (short) value);
  }

  /**
   * Writes 32 bits of the family's header.
   *
   * @param offset bytes from the beginning
   * @param value the value
   */
  public void header32(int offset, int value) {
    bytes.putInt(begin + Wire.NLMSG_HEADER + offset, value);
  }

  /**
   * Writes an attribute of 32 bits.
   *
   * @param type nla_type
   * @param value the value
   */
  public void number(int type, int value) {
    int at = attribute(type, Integer.BYTES);
    bytes.putInt(at, value);
  }

  /**
   * Writes an attribute of 32 bits in network byte order.
   *
   * @param type nla_type
   * @param value the value
   */
  public void networkNumber(int type, int value) {
    number(type, toNetwork(value));
  }

  /**
   * Writes an attribute of 64 bits.
   *
   * @param type nla_type
   * @param value the value
   */
  public void longNumber(int type, long value) {
    int at = attribute(type, Long.BYTES);
    bytes.putLong(at, value);
  }

  /**
   * Writes an attribute of 64 bits in network byte order.
   *
   * @param type nla_type
   * @param value the value
   */
  public void networkLongNumber(int type, long value) {
    longNumber(type, little() ? Long.reverseBytes(value) : value);
  }

  /**
   * Writes an attribute of 16 bits.
   *
   * @param type nla_type
   * @param value the value
   */
  public void shortNumber(int type, int value) {
    int at = attribute(type, Short.BYTES);
    bytes.putShort(at, (short) value);
  }

  /**
   * Writes an attribute of 16 bits in network byte order.
   *
   * @param type nla_type
   * @param value the value
   */
  public void networkShortNumber(int type, int value) {
    shortNumber(type, little() ? Short.reverseBytes((short) value) : value);
  }

  /**
   * Writes an attribute of one octet.
   *
   * @param type nla_type
   * @param value the value
   */
  public void octet(int type, int value) {
    int at = attribute(type, 1);
    bytes.put(at, (byte) value);
  }

  /**
   * Writes an attribute that says all by being there.
   *
   * @param type nla_type
   */
  public void flagAttribute(int type) {
    attribute(type, 0);
  }

  /**
   * Writes a text with its final zero, as the kernel wants names and aliases.
   *
   * @param type nla_type
   * @param text the text
   */
  public void text(int type, String text) {
    int length = text.length();
    int at = attribute(type, length + 1);
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c >= 0x80) {
        unwrite(at);
        octets(type, (text + '\0').getBytes(StandardCharsets.UTF_8));
        return;
      }
      bytes.put(at + i, (byte) c);
    }
  }

  /** Takes back the attribute whose value begins there. */
  private void unwrite(int value) {
    end = value - Wire.NLA_HEADER;
    finish();
  }

  /**
   * Writes an attribute of octets.
   *
   * @param type nla_type
   * @param octets the octets
   */
  public void octets(int type, byte[] octets) {
    int at = attribute(type, octets.length);
    bytes.put(at, octets);
  }

  /**
   * Writes attributes that are written already.
   *
   * @param attributes the octets of whole attributes
   */
  public void raw(byte[] attributes) {
    int at = end;
    claim(Wire.align(attributes.length));
    bytes.put(at, attributes);
  }

  /**
   * Begins an attribute that holds others.
   *
   * @param type nla_type
   * @return where, for {@link #close}
   */
  public int open(int type) {
    return attribute(type | Wire.NLA_F_NESTED, 0) - Wire.NLA_HEADER;
  }

  /**
   * Begins an attribute that holds others but, for the kernel's reasons, does not say so.
   *
   * @param type nla_type
   * @return where it begins, for {@link #close}
   */
  public int openUnmarked(int type) {
    return attribute(type, 0) - Wire.NLA_HEADER;
  }

  /**
   * Leaves room for a zeroed structure before the nested attributes.
   *
   * @param structure bytes of the structure
   * @return where it begins, for {@link #at}
   */
  public int skip(int structure) {
    int at = end;
    claim(Wire.align(structure));
    return at;
  }

  /**
   * Writes 32 bits at a place that {@link #skip} gave.
   *
   * @param place what {@link #skip} returned
   * @param value the value
   */
  public void at(int place, int value) {
    bytes.putInt(place, value);
  }

  /**
   * Writes an octet at a place that {@link #skip} gave.
   *
   * @param place what {@link #skip} returned
   * @param value the value
   */
  public void octetAt(int place, int value) {
    bytes.put(place, (byte) value);
  }

  /**
   * Ends an attribute that holds others.
   *
   * @param opened what {@code open} returned
   */
  public void close(int opened) {
    int length = end - opened;
    if (length > LARGEST_ATTRIBUTE) {
      throw new IllegalArgumentException("attributes of " + length + " bytes do not fit into one");
    }
    bytes.putShort(opened, (short) length);
  }

  private int attribute(int type, int length) {
    int at = end;
    if (length > LARGEST_ATTRIBUTE - Wire.NLA_HEADER) {
      throw new IllegalArgumentException("an attribute of " + length + " bytes is too long");
    }
    claim(Wire.align(Wire.NLA_HEADER + length));
    bytes.putShort(at, (short) (Wire.NLA_HEADER + length)).putShort(at + 2, (short) type);
    return at + Wire.NLA_HEADER;
  }

  /** Takes zeroed room at the end. */
  private void claim(int length) {
    if (length > bytes.capacity() - end) {
      grow(length);
    }
    int from = end;
    end += length;
    for (int i = from; i < end; i++) {
      bytes.put(i, (byte) 0);
    }
    finish();
  }

  private void grow(int length) {
    NativeBuffer larger = NativeBuffer.allocate(Math.max(2 * bytes.capacity(), end + length));
    larger.bytes().put(0, bytes, 0, end);
    memory = larger;
    bytes = larger.bytes();
  }

  private void finish() {
    bytes.putInt(begin, end - begin);
  }

  private static boolean little() {
    return ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
  }

  /**
   * Turns a number into the one whose bytes are in network order.
   *
   * @param value the value
   * @return the number with its octets swapped where that is needed
   */
  public static int toNetwork(int value) {
    return little() ? Integer.reverseBytes(value) : value;
  }

  /** Numbers the messages, beginning with the given one. */
  void sequence(int first, int portId) {
    int at = 0;
    for (int i = 0; i < messages; i++) {
      bytes.putInt(at + SEQUENCE, first + i).putInt(at + PORT, portId);
      at += bytes.getInt(at);
    }
  }

  /** Keeps NLM_F_ACK on the last message alone: errors of the others are told all the same. */
  void acknowledgeLastOnly() {
    for (int at = 0; at < begin; at += bytes.getInt(at)) {
      bytes.putShort(at + FLAGS, (short) (bytes.getShort(at + FLAGS) & ~Wire.NLM_F_ACK));
    }
    flag(Wire.NLM_F_ACK);
  }

  /**
   * Finds which attributes lie around an offset, from the outermost one.
   *
   * @param message counted from 0
   * @param offset from the beginning of the message
   */
  List<Integer> path(int message, int offset) {
    int at = 0;
    for (int i = 0; i < message; i++) {
      at += bytes.getInt(at);
    }
    List<Integer> path = new ArrayList<>();
    int wanted = at + offset;
    int from = at + Wire.NLMSG_HEADER + Wire.align(structures[message]);
    Attributes attributes = new Attributes(bytes, from, at + bytes.getInt(at));
    while (attributes.advance()) {
      if (wanted < attributes.from() - Wire.NLA_HEADER
          || wanted >= attributes.from() + attributes.length()) {
        continue;
      }
      path.add(attributes.type());
      if (wanted < attributes.from()) {
        break;
      }
      attributes = attributes.nested();
    }
    return path;
  }
}
