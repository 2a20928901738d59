package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Walks over a run of {@code struct nlattr}: 16 bits of length, which count the header, 16 bits of
 * type, the value, padding to 4 bytes. Never reads outside the run and always ends: what follows an
 * impossible length is not looked at, as in the kernel.
 */
public final class Attributes {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final byte[] NO_LETTERS = {};

  private ByteBuffer bytes = NOTHING;
  private int begin;
  private int limit;
  private int next;
  private int type;
  private int from;
  private int to;
  private byte[] letters = NO_LETTERS;

  /** Walks over nothing until {@link #over} is called. For readers of many messages. */
  public Attributes() {}

  /**
   * Walks over what lies between two offsets.
   *
   * @param bytes in native order
   * @param from where it begins
   * @param to where it ends
   */
  public Attributes(ByteBuffer bytes, int from, int to) {
    over(bytes, from, to);
  }

  /**
   * Begins to walk over something else.
   *
   * @param other in native order
   * @param first where it begins
   * @param last where it ends
   */
  public void over(ByteBuffer other, int first, int last) {
    bytes = other;
    limit = Math.min(last, other.capacity());
    begin = first;
    next = first;
  }

  /**
   * Goes to the next attribute; false if there is none.
   *
   * @return whether there is one
   */
  public boolean advance() {
    if (next < 0 || next > limit - Wire.NLA_HEADER) {
      return false;
    }
    int length = Short.toUnsignedInt(bytes.getShort(next));
    if (length < Wire.NLA_HEADER || length > limit - next) {
      return false;
    }
    type = bytes.getShort(next + 2) & Wire.NLA_TYPE_MASK;
    from = next + Wire.NLA_HEADER;
    to = next + length;
    next += Wire.align(length);
    return true;
  }

  /**
   * Returns the type, without the bits that say how it is written.
   *
   * @return nla_type
   */
  public int type() {
    return type;
  }

  /**
   * Walks over the attributes in this one.
   *
   * @return a walk of its own
   */
  public Attributes nested() {
    return new Attributes(bytes, from, to);
  }

  /**
   * Walks over the attributes in this one.
   *
   * @param walk does it
   * @return the walk
   */
  public Attributes nested(Attributes walk) {
    walk.over(bytes, from, to);
    return walk;
  }

  /**
   * Walks over the attributes behind a structure in this one.
   *
   * @param structure bytes of the structure
   * @return a walk of its own
   */
  public Attributes nested(int structure) {
    return new Attributes(bytes, Math.min(to, from + Wire.align(structure)), to);
  }

  /**
   * Returns the bytes of the value.
   *
   * @return bytes
   */
  public int length() {
    return to - from;
  }

  /**
   * Returns where the value begins.
   *
   * @return an offset
   */
  public int from() {
    return from;
  }

  /**
   * Reads a number of 1 to 4 bytes; of a shorter or longer value what there is of the first 4.
   *
   * @return the number
   */
  public int number() {
    return switch (to - from) {
      case 0 -> 0;
      case 1 -> Byte.toUnsignedInt(bytes.get(from));
      case 2, 3 -> Short.toUnsignedInt(bytes.getShort(from));
      default -> bytes.getInt(from);
    };
  }

  /**
   * Reads 32 bits of a structure; 0 if it is shorter.
   *
   * @param offset bytes from the beginning
   * @return the number
   */
  public int number(int offset) {
    return to - from < offset + Integer.BYTES ? 0 : bytes.getInt(from + offset);
  }

  /**
   * Reads a number of up to 8 bytes.
   *
   * @return the number
   */
  public long longNumber() {
    return to - from >= Long.BYTES ? bytes.getLong(from) : Integer.toUnsignedLong(number());
  }

  /**
   * Reads 64 bits of a structure; 0 if it is shorter.
   *
   * @param offset bytes from the beginning
   * @return the number
   */
  public long longNumber(int offset) {
    return to - from < offset + Long.BYTES ? 0 : bytes.getLong(from + offset);
  }

  /**
   * Reads 16 bits in network byte order.
   *
   * @return 0 to 65535
   */
  public int networkShortNumber() {
    return to - from < Short.BYTES
        ? 0
        : Byte.toUnsignedInt(bytes.get(from)) << 8 | Byte.toUnsignedInt(bytes.get(from + 1));
  }

  /**
   * Reads 32 bits in network byte order.
   *
   * @return the number
   */
  public int networkNumber() {
    return to - from < Integer.BYTES ? 0 : MessageWriter.toNetwork(bytes.getInt(from));
  }

  /**
   * Reads 16 bits of a structure; 0 if it is shorter.
   *
   * @param offset bytes from the beginning
   * @return 0 to 65535
   */
  public int shortNumber(int offset) {
    return to - from < offset + Short.BYTES
        ? 0
        : Short.toUnsignedInt(bytes.getShort(from + offset));
  }

  /**
   * Reads an octet of a structure; 0 if it is shorter.
   *
   * @param offset bytes from the beginning
   * @return 0 to 255
   */
  public int octet(int offset) {
    return to - from <= offset ? 0 : Byte.toUnsignedInt(bytes.get(from + offset));
  }

  /**
   * Tells whether the value is this text, with or without a final zero.
   *
   * @param ascii the text
   * @return whether it is
   */
  public boolean is(String ascii) {
    int length = ascii.length();
    if (to - from < length || (to - from > length && bytes.get(from + length) != 0)) {
      return false;
    }
    for (int i = 0; i < length; i++) {
      if (bytes.get(from + i) != ascii.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Reads a text up to its first zero.
   *
   * @return the text
   */
  public String text() {
    int end = from;
    while (end < to && bytes.get(end) != 0) {
      end++;
    }
    int length = end - from;
    if (letters.length < length) {
      letters = new byte[length];
    }
    bytes.get(from, letters, 0, length);
    return new String(letters, 0, length, StandardCharsets.UTF_8);
  }

  /**
   * Reads a text up to its first zero.
   *
   * @param likely texts of ASCII characters that need not be copied
   * @return the text
   */
  public String text(List<String> likely) {
    for (int i = 0; i < likely.size(); i++) {
      if (is(likely.get(i))) {
        return likely.get(i);
      }
    }
    return text();
  }

  /**
   * Copies the value.
   *
   * @return a new array
   */
  public byte[] octets() {
    byte[] octets = new byte[to - from];
    bytes.get(from, octets);
    return octets;
  }

  /**
   * Copies the whole run, wherever the walk is.
   *
   * @return a new array
   */
  public byte[] all() {
    byte[] octets = new byte[Math.max(0, limit - begin)];
    if (octets.length > 0) {
      bytes.get(begin, octets);
    }
    return octets;
  }
}
