package io.n0stack.n0core.benchmarks.simulated;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.connection.Carrier;
import io.n0stack.n0core.membership.internal.connection.Wire;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultEventLoopGroup;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.local.LocalChannel;
import io.netty.channel.local.LocalServerChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * Connections in the memory of one process, of as many members as there are: what goes over them is what
 * would go over TCP, and is counted. All members share a few threads.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class MemoryCarrier implements Carrier {
  private static final int THREADS = 2;
  private static final int NUMBER_BYTES = Long.BYTES;

  private final EventLoopGroup shared =
      new DefaultEventLoopGroup(THREADS, new DefaultThreadFactory("carries", true));
  private final AtomicLong connections = new AtomicLong();
  private final Map<String, Sum> sums = new ConcurrentHashMap<>();
  private final Map<String, Set<Channel>> open = new ConcurrentHashMap<>();
  private final Set<String> cut = ConcurrentHashMap.newKeySet();

  /** What was sent of a kind. */
  private static final class Sum {
    private final LongAdder frames = new LongAdder();
    private final LongAdder bytes = new LongAdder();
  }

  @Override
  public EventLoopGroup threads(String purpose, String member) {
    return shared;
  }

  @Override
  public Future<?> release(EventLoopGroup threads) {
    return GlobalEventExecutor.INSTANCE.newSucceededFuture(null);
  }

  @Override
  public ChannelFuture listen(EventLoopGroup threads, HostPort at, ChannelHandler each) {
    String owner = at.toString();
    return new ServerBootstrap()
        .group(threads)
        .channel(LocalServerChannel.class)
        .handler(new Owned(owner, List.of()))
        .childHandler(new Owned(owner, List.of(new Counting(), each)))
        .bind(new LocalAddress(owner));
  }

  @Override
  public ChannelFuture connect(
      EventLoopGroup threads,
      HostPort from,
      InetSocketAddress to,
      Duration timeout,
      ChannelHandler each) {
    String owner = from.toString();
    String other = to.getAddress().getHostAddress() + ":" + to.getPort();
    return new Bootstrap()
        .group(threads)
        .channel(LocalChannel.class)
        .handler(new Owned(owner, List.of(new Counting(), each)))
        .connect(
            new LocalAddress(other), new LocalAddress(owner + "/" + connections.incrementAndGet()));
  }

  @Override
  public String source(SocketAddress address) {
    return address instanceof LocalAddress local ? local.id().split(":", 2)[0] : "";
  }

  /** Ends a member's connections and lets it make no more, as if its process had been killed. */
  void cut(HostPort member) {
    cut.add(member.toString());
    open.getOrDefault(member.toString(), Set.of()).forEach(Channel::close);
  }

  /** How many connections were begun so far. */
  long connections() {
    return connections.get();
  }

  /** What was sent so far, frames and bytes, by what it was. */
  Map<String, long[]> sent() {
    Map<String, long[]> sent = new TreeMap<>();
    sums.forEach((kind, sum) -> sent.put(kind, new long[] {sum.frames.sum(), sum.bytes.sum()}));
    return sent;
  }

  /** Prepares a member's connections. */
  private final class Owned extends ChannelInitializer<Channel> {
    private final String owner;
    private final List<ChannelHandler> handlers;

    Owned(String owner, List<ChannelHandler> handlers) {
      this.owner = owner;
      this.handlers = handlers;
    }

    @Override
    protected void initChannel(Channel channel) {
      Set<Channel> own = open.computeIfAbsent(owner, first -> ConcurrentHashMap.newKeySet());
      own.add(channel);
      channel.closeFuture().addListener(closed -> own.remove(channel));
      handlers.forEach(handler -> channel.pipeline().addLast(handler));
      if (cut.contains(owner)) {
        channel.close();
      }
    }
  }

  /** Counts the frames that go out, each of which comes in one buffer. */
  @ChannelHandler.Sharable
  private final class Counting extends ChannelOutboundHandlerAdapter {
    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise)
        throws IOException {
      if (message instanceof ByteBuf frame) {
        Sum sum = sums.computeIfAbsent(kind(frame), first -> new Sum());
        sum.frames.increment();
        sum.bytes.add(frame.readableBytes());
      }
      context.write(message, promise);
    }

    private static String kind(ByteBuf frame) throws IOException {
      int at = frame.readerIndex() + Integer.BYTES;
      return switch (Wire.Kind.of(frame.getByte(at))) {
        case REQUEST -> subject(frame, at + 1 + NUMBER_BYTES);
        case ONE_WAY -> subject(frame, at + 1);
        case REPLY -> "answers";
        default -> "greetings";
      };
    }

    private static String subject(ByteBuf frame, int at) {
      return frame.toString(
          at + Short.BYTES, frame.getUnsignedShort(at), StandardCharsets.US_ASCII);
    }
  }
}
