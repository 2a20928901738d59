package io.n0stack.n0core.membership.internal.connection;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Limits what strangers can take: how many connections they hold, in all and from one address, and
 * how much they send before they are known. When there are too many, the oldest goes, because a
 * member is known within milliseconds.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class Gate {
  static final int MOST = 128;
  static final int MOST_OF_ONE = 32;
  private static final int MOST_BYTES = 64 << 10; // a TLS greeting with certificates fits

  private final Map<Channel, String> strangers = new LinkedHashMap<>();
  private final Carrier carrier;

  Gate(Carrier carrier) {
    this.carrier = carrier;
  }

  /** Returns what watches one new connection, which is closed if its address has too many. */
  ChannelInboundHandlerAdapter watch(Channel channel) {
    Channel evicted = null;
    synchronized (this) {
      String source = carrier.source(channel.remoteAddress());
      long same = strangers.values().stream().filter(source::equals).count();
      if (same >= MOST_OF_ONE) {
        channel.close();
      } else {
        if (strangers.size() >= MOST) {
          Iterator<Channel> oldest = strangers.keySet().iterator();
          evicted = oldest.next();
          oldest.remove();
        }
        strangers.put(channel, source);
      }
    }
    if (evicted != null) {
      evicted.close();
    }
    channel.closeFuture().addListener(closed -> known(channel));
    return new Meter();
  }

  /** Notes that a connection's other end is known, or that it is closed. */
  synchronized void known(Channel channel) {
    strangers.remove(channel);
  }

  synchronized int strangers() {
    return strangers.size();
  }

  /** Counts what a stranger sends; removed once it is none. */
  static final class Meter extends ChannelInboundHandlerAdapter {
    private long bytes;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      bytes += message instanceof ByteBuf buffer ? buffer.readableBytes() : 0;
      if (bytes > MOST_BYTES) {
        ReferenceCountUtil.release(message);
        context.close();
        return;
      }
      context.fireChannelRead(message);
    }
  }
}
