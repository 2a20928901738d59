package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.net.internal.NativeBuffer;
import io.n0stack.n0core.net.internal.Transport;
import io.n0stack.n0core.net.internal.Wire;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/** Answers each request with the datagrams that it was told, of which no real kernel would think. */
final class FakeKernel implements Transport {
  static final int PORT = 7;
  /** A number that becomes the request's, without counting on; one less becomes that of its second. */
  static final int SAME = -1;

  private static final byte[] TOO_LARGE = {};

  private final List<byte[]> sent = new ArrayList<>();
  private final Deque<List<byte[]>> scripts = new ArrayDeque<>();
  private final Deque<byte[]> coming = new ArrayDeque<>();
  private ByteBuffer received = ByteBuffer.allocate(0);
  private int sender;

  Netlink connect() {
    return Netlink.over(this, NetlinkOptions.usual().withLimit(Duration.ofMillis(200)));
  }

  /** Sets the answer to the next request that has none yet; numbers of 0 become the request's. */
  void answer(byte[]... datagrams) {
    scripts.add(List.of(datagrams));
  }

  /** Answers the next request with more than fits. */
  void answerTruncated() {
    scripts.add(List.of(TOO_LARGE));
  }

  void sendAs(int port) {
    sender = port;
  }

  List<byte[]> sent() {
    return sent;
  }

  @Override
  public int portId() {
    return PORT;
  }

  @Override
  public void send(Object operation, NativeBuffer message, int length) {
    byte[] bytes = new byte[length];
    message.bytes().get(0, bytes);
    sent.add(bytes);
    int sequence = number(bytes, 8);
    for (byte[] datagram : scripts.isEmpty() ? List.<byte[]>of() : scripts.remove()) {
      if (datagram == TOO_LARGE) {
        coming.add(datagram);
        continue;
      }
      byte[] copy = datagram.clone();
      if (copy.length >= 16 && number(copy, 8) == 0) {
        buffer(copy).putInt(8, sequence++);
      } else if (copy.length >= 16 && number(copy, 8) <= SAME && number(copy, 8) > SAME - 100) {
        buffer(copy).putInt(8, sequence + SAME - number(copy, 8));
      }
      coming.add(copy);
    }
  }

  @Override
  public int receive(Object operation, long deadlineNanos) {
    if (coming.isEmpty()) {
      throw new OperationTimeoutException(operation.toString(), Duration.ofMillis(200));
    }
    byte[] datagram = coming.remove();
    received = buffer(datagram);
    return datagram == TOO_LARGE ? 40_000 : received.capacity();
  }

  @Override
  public ByteBuffer received() {
    return received;
  }

  @Override
  public int sender() {
    return sender;
  }

  @Override
  public void close() {}

  static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
  }

  static int number(byte[] bytes, int offset) {
    return buffer(bytes).getInt(offset);
  }

  static byte[] message(int type, int flags, byte[]... parts) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      body.writeBytes(part);
    }
    byte[] out = new byte[16 + body.size()];
    buffer(out)
        .putInt(0, out.length)
        .putShort(4, (short) type)
        .putShort(6, (short) flags)
        .putInt(12, PORT)
        .put(16, body.toByteArray());
    return out;
  }

  static byte[] attribute(int type, byte[] value) {
    byte[] out = new byte[Wire.align(4 + value.length)];
    buffer(out)
        .putShort(0, (short) (4 + value.length))
        .putShort(2, (short) type)
        .put(4, value);
    return out;
  }

  static byte[] text(int type, String value) {
    return attribute(type, (value + '\0').getBytes(StandardCharsets.UTF_8));
  }

  static byte[] integers(int... values) {
    byte[] out = new byte[4 * values.length];
    for (int i = 0; i < values.length; i++) {
      buffer(out).putInt(4 * i, values[i]);
    }
    return out;
  }

  static byte[] ack() {
    return message(Wire.NLMSG_ERROR, Wire.NLM_F_CAPPED, integers(0, 16, 0, 0, 0));
  }

  static byte[] done() {
    return message(Wire.NLMSG_DONE, 2, integers(0));
  }

  static byte[] error(int errno, String words) {
    return message(
        Wire.NLMSG_ERROR,
        Wire.NLM_F_CAPPED | Wire.NLM_F_ACK_TLVS,
        integers(-errno, 16, 0, 0, 0),
        text(Wire.NLMSGERR_ATTR_MSG, words),
        attribute(Wire.NLMSGERR_ATTR_OFFS, integers(32)));
  }

  static byte[] link(int index, String name, byte[]... attributes) {
    byte[][] parts = new byte[attributes.length + 2][];
    parts[0] = integers(0, index, 1, 0);
    parts[1] = text(Rtnetlink.IFLA_IFNAME, name);
    System.arraycopy(attributes, 0, parts, 2, attributes.length);
    return message(Rtnetlink.RTM_NEWLINK, 0, parts);
  }

  static byte[] sequenced(byte[] datagram, int sequence) {
    byte[] copy = Arrays.copyOf(datagram, datagram.length);
    buffer(copy).putInt(8, sequence);
    return copy;
  }
}
