package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodeChange;
import io.n0stack.n0core.membership.NodeRegistryServer;
import io.n0stack.n0core.membership.Timings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** How long an API shows a node as READY whose agent was killed. */
final class MembershipSuite implements Suite {
  private static final int AGENTS = 5;
  private static final int SECONDS = 60;

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    BlockingQueue<NodeChange> changes = new LinkedBlockingQueue<>();
    String listen = address(1);
    List<Process> agents = new ArrayList<>();
    try (FileStore store = FileStore.open(scratch.resolve("api"));
        AtomixMembership api = AtomixMembership.open(MembershipConfig.of("api-1", listen));
        NodeRegistryServer registry = NodeRegistryServer.open(api, store)) {
      registry.subscribe(Runnable::run, changes::add);
      api.join();
      for (int i = 0; i < AGENTS; i++) {
        agents.add(Peer.java(MemberMain.class, "node-" + i, address(2 + i), listen));
      }
      for (int i = 0; i < AGENTS; i++) {
        awaitState(changes, NodeState.READY);
      }
      List<Figure> figures = new ArrayList<>(List.of(figure(killed(agents, changes))));
      figures.addAll(RegistryFigures.measure(scratch));
      return figures;
    } finally {
      for (Process agent : agents) {
        agent.destroyForcibly().waitFor();
      }
    }
  }

  private static double[] killed(List<Process> agents, BlockingQueue<NodeChange> changes)
      throws Exception {
    double[] seconds = new double[AGENTS];
    for (int i = 0; i < AGENTS; i++) {
      long start = System.nanoTime();
      agents.get(i).destroyForcibly();
      String name = awaitState(changes, NodeState.NOT_READY);
      seconds[i] = (System.nanoTime() - start) / 1e9;
      if (!name.equals("node-" + i)) {
        throw new IllegalStateException("node-" + i + " was killed, " + name + " is NOT_READY");
      }
    }
    return seconds;
  }

  private static String awaitState(BlockingQueue<NodeChange> changes, NodeState state)
      throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (true) {
      NodeChange change = changes.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (change == null) {
        throw new IllegalStateException("no node became " + state + " in " + SECONDS + " s");
      }
      if (change.now() == state) {
        return change.name();
      }
    }
  }

  private static Figure figure(double[] seconds) {
    double floor = Timings.DEFAULT.failureTimeout().toMillis() / 1e3;
    return new Figure(
        "membership: kill -9 of an agent is seen",
        Rounds.median(seconds),
        "s",
        5,
        Figure.Direction.AT_MOST,
        String.format(
            Locale.ROOT,
            "median of %d; a suspect is given %.1f s to speak up",
            seconds.length,
            floor));
  }

  private static String address(int lastOctet) throws IOException {
    String host = "127.0.1." + lastOctet;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(host))) {
      return host + ":" + free.getLocalPort();
    }
  }
}
