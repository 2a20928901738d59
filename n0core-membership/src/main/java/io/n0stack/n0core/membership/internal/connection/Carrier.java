package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
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
public interface Carrier {
  /**
   * Makes the threads of one member for one purpose.
   *
   * @param purpose what they are for, for their names
   * @param member the member's name
   * @return the threads
   */
  EventLoopGroup threads(String purpose, String member);

  /**
   * Lets go of threads.
   *
   * @param threads the threads
   * @return done when they have ended
   */
  Future<?> release(EventLoopGroup threads);

  /**
   * Listens on an address.
   *
   * @param threads which run the connections
   * @param at the address
   * @param each prepares each connection that is made
   * @return done when it listens
   */
  ChannelFuture listen(EventLoopGroup threads, HostPort at, ChannelHandler each);

  /**
   * Connects, from the address that a member listens on.
   *
   * @param threads which run the connection
   * @param from where the member listens
   * @param to where to
   * @param timeout how long to try
   * @param each prepares the connection
   * @return done when it is made
   */
  ChannelFuture connect(
      EventLoopGroup threads,
      HostPort from,
      InetSocketAddress to,
      Duration timeout,
      ChannelHandler each);

  /**
   * Returns the other end's address without its port, empty if there is none.
   *
   * @param address the other end's address
   * @return the host alone
   */
  String source(SocketAddress address);
}
