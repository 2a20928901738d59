package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.net.internal.NetlinkSocket;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.MonitorOptions.Topic;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Tells what changes in a network namespace, and never loses it silently: if the kernel has to drop
 * messages because the listener is slow, the monitor looks again and tells the difference. See
 * rtnetlink(7), netlink(7).
 *
 * <p>A listener that lags by more than a thousand calls holds up the monitor, so that the kernel keeps
 * what comes, and drops what it has no room for. Thread-safe. Needs no privilege.
 *
 * @since 0.1
 */
public final class NetlinkMonitor implements AutoCloseable {
  private static final String OPERATION = "monitor";
  private static final Duration PATIENCE = Duration.ofHours(1);
  private static final String OVERRUN = "ENOBUFS";
  private static final int RTNLGRP_LINK = 1; // linux/rtnetlink.h
  private static final int RTNLGRP_IPV4_IFADDR = 5;
  private static final int RTNLGRP_NEIGH = 3;
  private static final int RTNLGRP_IPV4_ROUTE = 7;
  private static final int RTNLGRP_IPV6_IFADDR = 9;
  private static final int RTNLGRP_IPV6_ROUTE = 11;
  private static final int[] ROUTE_HINTS = {
    RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE
  };

  private final NetlinkSocket socket;
  private final Netlink netlink;
  private final MonitorListener listener;
  private final Deliveries deliveries;
  private final List<Watched<?>> topics = new ArrayList<>();
  private final @Nullable Watched<Route> routes;
  private final Thread reader;
  private boolean routesMayDiffer;

  private NetlinkMonitor(
      NetlinkSocket socket, MonitorOptions options, MonitorListener listener, Executor executor) {
    this.socket = socket;
    this.listener = listener;
    NetlinkOptions asking = NetlinkOptions.usual();
    netlink = Netlink.open(options.namespace().map(asking::in).orElse(asking));
    deliveries = new Deliveries(executor);
    if (options.topics().contains(Topic.LINKS)) {
      topics.add(links());
    }
    if (options.topics().contains(Topic.ADDRESSES)) {
      topics.add(addresses());
    }
    if (options.topics().contains(Topic.NEIGHBOURS)) {
      topics.add(neighbours());
    }
    routes = options.topics().contains(Topic.ROUTES) ? routes() : null;
    reader = new Thread(this::read, "n0core-netlink-monitor");
    reader.setDaemon(true);
  }

  /**
   * Begins to hear. What is there is told first, and then that it is {@linkplain
   * MonitorListener#current current}.
   *
   * @param options what about, and where
   * @param listener hears it
   * @param executor where the listener is called; one call at a time, whatever it is. If it takes no
   *     more calls, the monitor ends as {@linkplain MonitorListener#failed failed}
   * @return the monitor, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static NetlinkMonitor open(
      MonitorOptions options, MonitorListener listener, Executor executor) {
    NetlinkSocket socket = Netlink.socket(options.namespace());
    try {
      socket.receiveBuffer(options.bufferBytes());
      // Before the first look: what happens from now on is not missed.
      for (Topic topic : options.topics()) {
        join(socket, topic);
      }
      NetlinkMonitor monitor = new NetlinkMonitor(socket, options, listener, executor);
      monitor.reader.start();
      return monitor;
    } catch (N0Exception e) {
      socket.close();
      throw e;
    }
  }

  private static void join(NetlinkSocket socket, Topic topic) {
    switch (topic) {
      case LINKS -> socket.join(RTNLGRP_LINK);
      case ADDRESSES -> {
        socket.join(RTNLGRP_IPV4_IFADDR);
        socket.join(RTNLGRP_IPV6_IFADDR);
      }
      case NEIGHBOURS -> socket.join(RTNLGRP_NEIGH);
      case ROUTES -> {
        for (int group : ROUTE_HINTS) {
          socket.join(group);
        }
      }
    }
  }

  private Watched<Link> links() {
    LinkDecoder decoder = new LinkDecoder();
    return new Watched<>(
        new Watched.Types(Rtnetlink.RTM_NEWLINK, Rtnetlink.RTM_DELLINK),
        (bytes, from, to) -> whole(decoder.decode(bytes, from, to)),
        Link::index,
        () -> netlink.links().list(),
        new Watched.Listener<>(
            (before, after) -> tell(() -> listener.linkChanged(before, after)),
            link -> tell(() -> listener.linkRemoved(link))));
  }

  /** The kernel announces the first end of a veth before it has another, and says no more then. */
  private @Nullable Link whole(@Nullable Link link) {
    return link != null && link.kind() instanceof LinkKind.Veth && link.parent().isEmpty()
        ? netlink.links().find(link.index()).orElse(link)
        : link;
  }

  private Watched<LinkAddress> addresses() {
    return new Watched<>(
        new Watched.Types(Rtnetlink.RTM_NEWADDR, Rtnetlink.RTM_DELADDR),
        LinkAddress::decode,
        address -> List.of(address.index(), address.cidr()),
        () -> netlink.addresses().list(),
        new Watched.Listener<>(
            (before, after) -> tell(() -> listener.addressChanged(after)),
            address -> tell(() -> listener.addressRemoved(address))));
  }

  private Watched<Neighbour> neighbours() {
    return new Watched<>(
        new Watched.Types(RouteNumbers.RTM_NEWNEIGH, RouteNumbers.RTM_DELNEIGH),
        Neighbour::decode,
        neighbour -> List.of(neighbour.index(), neighbour.address()),
        () -> netlink.neighbours().list(),
        new Watched.Listener<>(
            (before, after) -> tell(() -> listener.neighbourChanged(after)),
            neighbour -> tell(() -> listener.neighbourRemoved(neighbour))));
  }

  /**
   * The kernel does not say that IPv4 routes go with a link that goes down, nor what a replaced one was:
   * whatever it says about links, addresses and routes is a reason to list the routes again.
   */
  private Watched<Route> routes() {
    return new Watched<>(
        new Watched.Types(-1, -1),
        RouteDecoder::decode,
        route -> route,
        () -> netlink.routes().list(),
        new Watched.Listener<>(
            (before, after) -> tell(() -> listener.routeAdded(after)),
            route -> tell(() -> listener.routeRemoved(route))));
  }

  private void tell(Runnable call) {
    deliveries.add(call);
  }

  private void read() {
    try {
      look();
      while (true) {
        // Routes are listed once for all that waits.
        hear(routesMayDiffer ? Duration.ZERO : PATIENCE);
      }
    } catch (N0Exception e) {
      fail(e);
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      // What Executors throw if they are shut down or full, or get no thread.
      fail(new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          OPERATION,
          OPERATION + ": the executor takes no calls: " + e,
          e));
    }
  }

  private void fail(N0Exception why) {
    if (deliveries.closed()) {
      return;
    }
    try {
      tell(() -> listener.failed(why));
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      // Nothing is being told now, or it would have been left to that.
      deliveries.close();
      listener.failed(why);
    }
  }

  private void hear(Duration patience) {
    try {
      int length = socket.receive(OPERATION, System.nanoTime() + patience.toNanos());
      ByteBuffer bytes = socket.received();
      if (length > bytes.capacity()) {
        lookAgain();
      } else if (socket.sender() == 0) {
        messages(bytes, length);
      }
    } catch (OperationTimeoutException e) {
      if (routes != null && routesMayDiffer) {
        routesMayDiffer = false;
        look(routes);
      }
    } catch (OsException e) {
      if (!e.errnoName().equals(OVERRUN)) {
        throw e;
      }
      lookAgain();
    }
  }

  private void messages(ByteBuffer bytes, int length) {
    int at = 0;
    while (length - at >= Wire.NLMSG_HEADER) {
      int size = bytes.getInt(at);
      if (size < Wire.NLMSG_HEADER || size > length - at) {
        lookAgain();
        return;
      }
      int type = Short.toUnsignedInt(bytes.getShort(at + 4));
      for (Watched<?> topic : topics) {
        topic.message(type, bytes, at, at + size);
      }
      routesMayDiffer = routes != null;
      at = Math.min(length, at + Wire.align(size));
    }
  }

  private void lookAgain() {
    tell(listener::overrun);
    drain();
    look();
  }

  /** What waits is older than what was dropped: told after a look, it would be taken for newer. */
  private void drain() {
    while (true) {
      try {
        int unused = socket.receive(OPERATION, System.nanoTime());
      } catch (OperationTimeoutException e) {
        return;
      } catch (OsException e) {
        if (!e.errnoName().equals(OVERRUN)) {
          throw e;
        }
      }
    }
  }

  /** Looks until a look is undisturbed, and tells what is not as it was. */
  private void look() {
    topics.forEach(NetlinkMonitor::look);
    if (routes != null) {
      look(routes);
    }
    tell(listener::current);
  }

  private static void look(Watched<?> topic) {
    boolean looked = false;
    while (!looked) {
      try {
        topic.resynchronise();
        looked = true;
      } catch (InterruptedDumpException e) {
        // Busy times; what comes meanwhile waits in the socket.
        Thread.onSpinWait();
      }
    }
  }

  /**
   * Stops hearing, also while others are told. A call of the listener that has begun is not waited for;
   * no other follows.
   */
  @Override
  public void close() {
    deliveries.close();
    socket.close();
    netlink.close();
  }
}
