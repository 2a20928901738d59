package io.n0stack.n0core.membership;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;

/**
 * What connections are made of. In a program that is {@link Tcp} and cannot be chosen; who takes part in
 * a connection is found out above, in the same way whatever carries it.
 */
interface Carrier {
  /** Makes the threads of one member for one purpose. */
  EventLoopGroup threads(String purpose, String member);

  /** Lets go of threads. */
  Future<?> release(EventLoopGroup threads);

  /** Listens. */
  ChannelFuture listen(EventLoopGroup threads, HostPort at, ChannelHandler each);

  /** Connects, from the address that a member listens on. */
  ChannelFuture connect(
      EventLoopGroup threads,
      HostPort from,
      InetSocketAddress to,
      Duration timeout,
      ChannelHandler each);

  /** Returns the other end's address without its port, empty if there is none. */
  String source(SocketAddress address);
}
