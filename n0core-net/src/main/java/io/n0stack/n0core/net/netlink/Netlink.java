package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.Decoder;
import io.n0stack.n0core.net.internal.Dialect;
import io.n0stack.n0core.net.internal.Dump;
import io.n0stack.n0core.net.internal.NetlinkSocket;
import io.n0stack.n0core.net.internal.Refusal;
import io.n0stack.n0core.net.internal.Request;
import io.n0stack.n0core.net.internal.Transport;
import io.n0stack.n0core.net.internal.Wire;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A connection to the kernel's networking, see rtnetlink(7).
 *
 * <p>It works in the network namespace of the thread that opened it, or in the one that it was opened
 * for, whoever calls it later. Thread-safe: requests of several threads are done one after the other. A
 * request that the kernel does not answer within ten seconds, or the limit of the options, fails. An
 * interrupted thread begins no request. Closing, also while another thread waits, leaves all links as
 * they are.
 *
 * <p>Methods, also of the objects that this one returns, throw {@link NetlinkException} if the kernel
 * refuses, and {@link N0Exception} with code UNAVAILABLE if it does not answer or this connection is
 * closed; with {@link io.n0stack.n0core.api.UnknownOutcomeException} if a change was sent and the answer
 * is missing.
 *
 * @since 0.1
 */
public final class Netlink implements AutoCloseable {
  private final Conversation kernel;
  private final Links links;
  private final Addresses addresses;
  private final Bridges bridges;
  private final ForwardingDatabase forwarding;
  private final Neighbours neighbours;
  private final Routes routes;
  private final RoutingRules rules;
  private final TrafficControl trafficControl;
  private final RateLimits rateLimits;

  private Netlink(Conversation kernel) {
    this.kernel = kernel;
    links = new Links(kernel);
    addresses = new Addresses(kernel);
    bridges = new Bridges(kernel, links);
    forwarding = new ForwardingDatabase(kernel);
    neighbours = new Neighbours(kernel);
    routes = new Routes(kernel);
    rules = new RoutingRules(kernel);
    trafficControl = new TrafficControl(kernel);
    rateLimits = new RateLimits(links, trafficControl);
  }

  /**
   * Connects to the kernel in the network namespace of the calling thread. Needs no privilege; changes
   * need CAP_NET_ADMIN.
   *
   * @return the connection, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static Netlink open() {
    return open(NetlinkOptions.usual());
  }

  /**
   * Connects to the kernel in a network namespace.
   *
   * @param namespace the namespace, which may be closed once the connection is open
   * @return the connection, which the caller closes
   * @throws OsException PERMISSION without CAP_SYS_ADMIN there
   */
  public static Netlink open(NetNs namespace) {
    return open(NetlinkOptions.usual().in(namespace));
  }

  /**
   * Connects to the kernel.
   *
   * @param options where, and how
   * @return the connection, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static Netlink open(NetlinkOptions options) {
    return over(socket(options.namespace()), options);
  }

  static NetlinkSocket socket(Optional<NetNs> namespace) {
    return namespace.isPresent()
        ? namespace.get().call(() -> NetlinkSocket.open(Wire.NETLINK_ROUTE))
        : NetlinkSocket.open(Wire.NETLINK_ROUTE);
  }

  static Netlink over(Transport transport, NetlinkOptions options) {
    return new Netlink(new Conversation(transport, options.limit(), new RouteDialect(options)));
  }

  private record RouteDialect(NetlinkOptions options) implements Dialect {
    @Override
    public OsException refused(String operation, Refusal refusal) {
      return new NetlinkException(operation, refusal);
    }

    @Override
    public void warned(String operation, Refusal warning) {
      options.warnings().accept(new NetlinkWarning(operation, warning.words()));
    }
  }

  /**
   * Returns what can be done about links.
   *
   * @return an object that uses this connection
   */
  public Links links() {
    return links;
  }

  /**
   * Returns what can be done about the addresses of links.
   *
   * @return an object that uses this connection
   */
  public Addresses addresses() {
    return addresses;
  }

  /**
   * Returns what can be done about bridges and their ports.
   *
   * @return an object that uses this connection
   */
  public Bridges bridges() {
    return bridges;
  }

  /**
   * Returns what can be done about where bridges and VXLAN ends send frames.
   *
   * @return an object that uses this connection
   */
  public ForwardingDatabase forwarding() {
    return forwarding;
  }

  /**
   * Returns what can be done about the Ethernet addresses of hosts.
   *
   * @return an object that uses this connection
   */
  public Neighbours neighbours() {
    return neighbours;
  }

  /**
   * Returns what can be done about routes.
   *
   * @return an object that uses this connection
   */
  public Routes routes() {
    return routes;
  }

  /**
   * Returns what can be done about the rules that say which routing table is looked at.
   *
   * @return an object that uses this connection
   */
  public RoutingRules rules() {
    return rules;
  }

  /**
   * Returns what can be done about queueing disciplines, their classes and filters.
   *
   * @return an object that uses this connection
   */
  public TrafficControl trafficControl() {
    return trafficControl;
  }

  /**
   * Returns what can be done about how fast links carry.
   *
   * @return an object that uses this connection
   */
  public RateLimits rateLimits() {
    return rateLimits;
  }

  /**
   * Makes many changes with few system calls, in their order. One that the kernel refuses keeps it from
   * no other.
   *
   * @param changes made by static methods such as {@link Links#changing}
   * @return what became of each
   * @throws io.n0stack.n0core.api.UnknownOutcomeException if some were sent and an answer is missing
   */
  public List<BatchResult> batch(List<Change> changes) {
    List<Request> requests = changes.stream().map(Change::request).toList();
    List<Optional<OsException>> failures = kernel.batch(requests);
    List<BatchResult> results = new ArrayList<>();
    for (int i = 0; i < changes.size(); i++) {
      results.add(new BatchResult(changes.get(i), failures.get(i)));
    }
    return List.copyOf(results);
  }

  static <T> List<T> consistent(Conversation kernel, Request request, Decoder<T> decoder) {
    Dump<T> dump = kernel.dump(request, decoder);
    if (!dump.consistent()) {
      throw new InterruptedDumpException(request.toString(), dump.attempts(), dump.items());
    }
    return dump.items();
  }

  static void requireIndex(int index) {
    Rules.range("index", index, 1, Integer.MAX_VALUE);
  }

  /** Closes the connection and wakes whoever waits on it. Leaves all links as they are. */
  @Override
  public void close() {
    kernel.close();
  }
}
