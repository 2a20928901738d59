package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodeRegistryClient;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Joins the APIs and keeps this host's Node saved; an API that is away stops neither agent nor machines. */
final class NodePresence implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodePresence.class);

  private final String name;
  private final AtomixMembership membership;
  private final NodeRegistryClient registry;
  private final CountDownLatch leaving = new CountDownLatch(1);
  private final Thread saver;

  private NodePresence(AtomixMembership membership, Node node) {
    this.name = node.name();
    this.membership = membership;
    this.registry = NodeRegistryClient.of(membership).withDeadline(Duration.ofSeconds(3));
    this.saver = new Thread(() -> keepSaving(node), "node-presence");
    saver.setDaemon(true);
  }

  static NodePresence begin(Arguments options) {
    MembershipConfig config =
        MembershipConfig.of(options.name(), options.listen()).withSeeds(options.api());
    Node node = Node.builder(options.name(), options.listen())
        .capacity("cpu.millicores", Runtime.getRuntime().availableProcessors() * 1000L)
        .build();
    NodePresence presence = new NodePresence(AtomixMembership.open(config), node);
    try {
      presence.membership.join();
    } catch (N0Exception e) {
      presence.membership.close(); // or its threads would keep the program from ending
      throw e;
    }
    presence.saver.start();
    return presence;
  }

  String name() {
    return name;
  }

  private void keepSaving(Node node) {
    try {
      while (!saved(node) && !leaving.await(1, TimeUnit.SECONDS)) {
        LOG.info("trying again");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean saved(Node node) {
    try {
      registry.saveSelf(node);
      LOG.info("registered as {}", name);
      return true;
    } catch (N0Exception e) {
      LOG.warn("not registered: {}", e.getMessage());
      return false;
    }
  }

  /** Leaves in peace: first the record goes, then the member. */
  @Override
  public void close() {
    leaving.countDown();
    try {
      saver.join(5_000); // a save under way would put back the record that goes now
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      registry.remove(name);
    } catch (N0Exception e) {
      LOG.warn("the record stays, no API answers: {}", e.getMessage());
    }
    membership.leave();
    membership.close();
  }
}
