package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.net.internal.Decoder;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/** What holds for each decoder, whatever bytes it gets. */
public final class Decoding {
  private static final int AROUND = 64;
  private static final int TEXT_PER_BYTE = 64;
  private static final int TEXT = 16 * 1024;

  private Decoding() {}

  /**
   * Decodes bytes as messages of a type. A decoder must not throw, must not look at what lies before or
   * behind the message, and must not make much of little.
   */
  public static void check(byte[] bytes, int type, Decoder<?>... decoders) {
    byte[] message = Arrays.copyOf(bytes, Math.max(bytes.length, Wire.NLMSG_HEADER));
    Wire.order(message).putInt(0, message.length).putShort(4, (short) type);
    for (Decoder<?> decoder : decoders) {
      Object first = decode(decoder, message, 0);
      Object second = decode(decoder, message, 0xff);
      assertThat(second).as("with other bytes around it").isEqualTo(first);
      assertThat(Objects.toString(first).length())
          .isLessThan(TEXT + TEXT_PER_BYTE * message.length);
    }
  }

  private static Object decode(Decoder<?> decoder, byte[] message, int around) {
    ByteBuffer memory =
        ByteBuffer.allocateDirect(message.length + 2 * AROUND).order(ByteOrder.nativeOrder());
    for (int i = 0; i < memory.capacity(); i++) {
      memory.put(i, (byte) around);
    }
    memory.put(AROUND, message);
    Object decoded = decoder.decode(memory, AROUND, AROUND + message.length);
    return decoded == null ? "nothing" : decoded;
  }
}
