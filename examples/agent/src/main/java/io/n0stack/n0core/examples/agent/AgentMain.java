package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.membership.NodePresence;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs an agent until it is told to stop. Killing it harms no machine. */
public final class AgentMain {
  private static final Logger LOG = LoggerFactory.getLogger(AgentMain.class);

  private AgentMain() {}

  /**
   * Starts the agent.
   *
   * @param args see {@link Arguments}
   * @throws Exception if it cannot start
   */
  public static void main(String[] args) throws Exception {
    Arguments options = Arguments.parse(args);
    CountDownLatch stop = stopOnSignal();
    List<Driver<?, ?>> drivers = DriverPlugin.drivers(options.drivers());
    try (Agent agent = Agent.open(options.state(), drivers);
        ControlServer control = ControlServer.start(agent, options.control());
        NodePresence presence = Presence.begin(options, drivers)) {
      LOG.info("recovered: {}", agent.recovery()); // nothing was killed to get here
      LOG.info("{}, control on {}", presence, control.address());
      stop.await();
    } // leaves the cluster, closes the door, and lets the machines run
  }

  private static CountDownLatch stopOnSignal() {
    CountDownLatch stop = new CountDownLatch(1);
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      stop.countDown();
      try {
        main.join(20_000); // the JVM ends with its last hook, so let main finish first
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }));
    return stop;
  }
}
