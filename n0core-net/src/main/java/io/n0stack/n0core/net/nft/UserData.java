package io.n0stack.n0core.net.nft;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * What the kernel keeps for programs: a run of type, length, value, as in libnftnl's {@code udata.h}.
 */
final class UserData {
  // NFTNL_UDATA_RULE_COMMENT; the same number for tables, chains and elements
  static final int COMMENT = 0;
  static final int SET_COMMENT = 7; // NFTNL_UDATA_SET_COMMENT
  private static final int KEY_BYTE_ORDER = 0; // NFTNL_UDATA_SET_KEYBYTEORDER, a native number
  private static final int HEADER = 2;
  private static final int LARGEST = 255;

  private UserData() {}

  static byte[] comment(int type, String comment) {
    byte[] text = comment.getBytes(StandardCharsets.UTF_8);
    byte[] data =
        Arrays.copyOf(new byte[] {(byte) type, (byte) (text.length + 1)}, text.length + 3);
    System.arraycopy(text, 0, data, HEADER, text.length);
    return data;
  }

  /** Finds the comment; empty if there is none, or one that no rule of ours could have. */
  static Optional<String> comment(int type, byte[] data) {
    for (int at = 0; at <= data.length - HEADER; ) {
      int length = Byte.toUnsignedInt(data[at + 1]);
      int from = at + HEADER;
      if (length > data.length - from) {
        return Optional.empty();
      }
      if (data[at] == type && length > 1) {
        return Names.comment(
            Octets.of(Arrays.copyOfRange(data, from, from + length)).text());
      }
      at = from + length;
    }
    return Optional.empty();
  }

  /** Says for nft(8) in which order the bytes of a set's keys are, without which it shows none. */
  static byte[] set(NamedSet set) {
    ByteBuffer data = ByteBuffer.allocate(2 * HEADER + Integer.BYTES + LARGEST);
    data.order(ByteOrder.nativeOrder()).put((byte) KEY_BYTE_ORDER).put((byte) Integer.BYTES);
    data.putInt(set.keyType().byteOrder());
    set.comment().ifPresent(comment -> data.put(comment(SET_COMMENT, comment)));
    return Arrays.copyOf(data.array(), data.position());
  }
}
