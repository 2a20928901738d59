package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.storage.VolumeSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Asks an agent with the real drivers for everything under every bad name, between two marks. */
public final class BadNames {
  static final String BEGIN = "/n0core-names-begin";
  static final String END = "/n0core-names-end";
  private static final List<String> NAMES = List.of(
      "../x", "a/b", "a,b", "x".repeat(300), "", "a\nb", "..", "A", "a b", "-a", "a=b", "ä");
  private static final Map<String, Spec> SPECS = Map.of(
      "network", NetworkSpec.Flat.isolated(),
      "port", PortSpec.on("lan"),
      "volume", VolumeSpec.empty(1 << 20),
      "machine", MachineSpec.builder(1, 16 << 20).build());

  private BadNames() {}

  static int requests() {
    return NAMES.size() * SPECS.size() * 2;
  }

  /**
   * Asks.
   *
   * @param args the directory for the agent's state
   */
  public static void main(String[] args) {
    Path home = Path.of(args[0]);
    Map<String, String> config = Map.of(
        "kvm.directory",
        home + "/kvm",
        "storage.directory",
        home + "/volumes",
        "kvm.accelerator",
        "tcg");
    // It does not look around between the marks.
    AgentOptions options = AgentOptions.defaults().withTick(Duration.ofHours(1));
    try (Agent agent = Agent.open(home.resolve("agent"), DriverPlugin.drivers(config), options)) {
      agent.recovery();
      refused(agent); // once before, so that the JVM has read all its classes
      Files.exists(Path.of(BEGIN)); // a system call that strace shows
      int refused = refused(agent);
      Files.exists(Path.of(END));
      System.out.println("refused " + refused + " of " + requests());
    }
  }

  private static int refused(Agent agent) {
    int refused = 0;
    for (String name : NAMES) {
      for (Map.Entry<String, Spec> spec : SPECS.entrySet()) {
        refused += invalid(() -> agent.apply(spec.getKey(), name, spec.getValue()));
        refused += invalid(() -> agent.delete(spec.getKey(), name));
      }
    }
    return refused;
  }

  private static int invalid(Runnable request) {
    try {
      request.run();
      return 0;
    } catch (N0Exception e) {
      String message = String.valueOf(e.getMessage());
      boolean says = e.code() == N0Exception.Code.INVALID
          && message.startsWith("invalid name \"")
          && message.contains("must be 1 to 63 characters");
      return says ? 1 : 0;
    }
  }
}
