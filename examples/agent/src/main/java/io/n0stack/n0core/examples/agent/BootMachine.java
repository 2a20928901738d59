package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import java.nio.file.Path;
import java.util.Map;

/** Boots a machine from an image and leaves it running: the lines of the README. */
public final class BootMachine {
  private BootMachine() {}

  /**
   * Boots.
   *
   * @param args the absolute path of a qcow2 image
   */
  public static void main(String[] args) {
    Path state = Path.of("/var/lib/n0core/agent");
    Path image = Path.of(args[0]);
    // [readme]
    ImageSource root = new ImageSource.Backing(image, ImageFormat.QCOW2);
    Bundle web1 = Bundle.empty()
        .with("network", "lan", NetworkSpec.Flat.isolated())
        .with("port", "web1-eth0", PortSpec.on("lan"))
        .with("volume", "web1-root", VolumeSpec.from(root))
        .with("machine", "web1", MachineSpec.of(1, 512L << 20, "web1-root", "web1-eth0"));
    try (Agent agent = Agent.open(state, DriverPlugin.drivers(Map.of()))) {
      agent.apply(web1);
      System.out.println(agent.observe("machine", "web1", MachineStatus.class));
    } // the machine runs on; open the agent again and it is adopted
    // [/readme]
  }
}
