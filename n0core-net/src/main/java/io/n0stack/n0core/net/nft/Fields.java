package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** The attributes of a message or of one attribute by their types; of a repeated one the last. */
final class Fields {
  private static final int TYPES = 32;

  private final ByteBuffer bytes;
  private final int[] from = new int[TYPES];
  private final int[] to = new int[TYPES];
  private int present;
  private boolean more;

  Fields(ByteBuffer bytes, int first, int end) {
    this.bytes = bytes;
    Attributes attributes = new Attributes(bytes, first, end);
    while (attributes.advance()) {
      int type = attributes.type();
      if (type < TYPES) {
        present |= 1 << type;
        from[type] = attributes.from();
        to[type] = attributes.from() + attributes.length();
      } else {
        more = true;
      }
    }
  }

  boolean has(int type) {
    return (present & 1 << type) != 0;
  }

  /** Tells whether the first types are there, and none but these and some others. */
  boolean are(int[] needed, int... allowed) {
    int left = present;
    for (int type : needed) {
      if (!has(type)) {
        return false;
      }
      left &= ~(1 << type);
    }
    for (int type : allowed) {
      left &= ~(1 << type);
    }
    return left == 0 && !more;
  }

  private Attributes value(int type) {
    Attributes attribute = new Attributes(bytes, from[type] - Wire.NLA_HEADER, to[type]);
    attribute.advance();
    return attribute;
  }

  /** Reads 32 bits in network order; 0 if there are none. */
  int number(int type) {
    return has(type) ? value(type).networkNumber() : 0;
  }

  /** Reads 64 bits in network order; 0 if there are none. */
  long longNumber(int type) {
    long number = has(type) ? value(type).longNumber(0) : 0;
    return ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? Long.reverseBytes(number) : number;
  }

  String text(int type) {
    return has(type) ? value(type).text() : "";
  }

  byte[] octets(int type) {
    return has(type) ? value(type).octets() : new byte[0];
  }

  /** Reads what is in an attribute; nothing if it is not there. */
  Fields nested(int type) {
    return new Fields(bytes, from[type], to[type]);
  }

  /** Walks over what is in an attribute. */
  Attributes list(int type) {
    return new Attributes(bytes, from[type], to[type]);
  }

  Optional<String> comment(int type, int kind) {
    return UserData.comment(kind, octets(type));
  }
}
