package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.internal.identity.FrameSeal;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageCodec;
import io.netty.handler.codec.CorruptedFrameException;
import io.netty.handler.codec.TooLongFrameException;
import java.util.List;
import java.util.Optional;

/**
 * Cuts the stream into frames. A length is believed only if it is within the limit, and memory is
 * taken as bytes come in, not ahead of them. Used by its connection's thread.
 */
final class FrameCodec extends ByteToMessageCodec<byte[]> {
  private int most = Wire.MOST_BEFORE;
  private Optional<FrameSeal> seal = Optional.empty();

  FrameCodec() {
    super(byte[].class);
  }

  /** Seals and opens every frame from now on. */
  void seal(FrameSeal with) {
    seal = Optional.of(with);
  }

  /** Takes larger frames from now on: the other side is known. */
  void trust(int largest) {
    most = largest;
  }

  @Override
  protected void encode(ChannelHandlerContext context, byte[] frame, ByteBuf out) {
    byte[] sent = seal.isPresent() ? seal.get().seal(frame) : frame;
    out.writeInt(sent.length);
    out.writeBytes(sent);
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
    if (in.readableBytes() < Integer.BYTES) {
      return;
    }
    int length = in.getInt(in.readerIndex());
    if (length < 1 || length > most) {
      in.skipBytes(in.readableBytes());
      throw new TooLongFrameException("a frame of " + length + " bytes; at most " + most);
    }
    if (in.readableBytes() < Integer.BYTES + length) {
      return;
    }
    in.skipBytes(Integer.BYTES);
    byte[] received = new byte[length];
    in.readBytes(received);
    byte[] frame = seal.isPresent() ? seal.get().open(received) : received;
    if (frame.length == 0) {
      throw new CorruptedFrameException("an empty frame");
    }
    out.add(frame);
  }
}
