package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Sockets of the kernel's. */
public final class Tcp implements Carrier {
  private static final int USER_TIMEOUT_MILLIS = 5_000;
  private static final int WAITING = 1024;
  private static final WriteBufferWaterMark BUFFERED = new WriteBufferWaterMark(1 << 20, 4 << 20);

  @Override
  public EventLoopGroup threads(String purpose, String member) {
    DefaultThreadFactory threads =
        new DefaultThreadFactory("n0core-" + purpose + "-" + member, true);
    return Epoll.isAvailable()
        ? new EpollEventLoopGroup(1, threads)
        : new NioEventLoopGroup(1, threads);
  }

  @Override
  public Future<?> release(EventLoopGroup threads) {
    return threads.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  @Override
  public ChannelFuture listen(EventLoopGroup threads, HostPort at, ChannelHandler each) {
    return new ServerBootstrap()
        .group(threads)
        .channel(
            Epoll.isAvailable() ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
        .option(ChannelOption.SO_REUSEADDR, true)
        .option(ChannelOption.SO_BACKLOG, WAITING)
        .childOption(ChannelOption.TCP_NODELAY, true)
        .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, BUFFERED)
        .childHandler(each)
        .bind(at.host(), at.port());
  }

  @Override
  public ChannelFuture connect(
      EventLoopGroup threads,
      HostPort from,
      InetSocketAddress to,
      Duration timeout,
      ChannelHandler each) {
    Bootstrap bootstrap = new Bootstrap()
        .group(threads)
        .channel(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
        .localAddress(new InetSocketAddress(from.host(), 0))
        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) timeout.toMillis())
        .option(ChannelOption.TCP_NODELAY, true)
        .option(ChannelOption.WRITE_BUFFER_WATER_MARK, BUFFERED)
        .handler(each);
    if (Epoll.isAvailable()) {
      bootstrap.option(EpollChannelOption.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLIS);
    }
    return bootstrap.connect(to);
  }

  @Override
  public String source(SocketAddress address) {
    return address instanceof InetSocketAddress inet && inet.getAddress() != null
        ? inet.getAddress().getHostAddress()
        : "";
  }
}
