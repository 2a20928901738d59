package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.MigrationOffer;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.UUID;

/** An agent that expects one machine at one place after the other: a process to be killed in the middle of it. */
final class ManyExpectations {
  private ManyExpectations() {}

  public static void main(String[] arguments) {
    TwoHosts hosts = TwoHosts.existing(
        Path.of(arguments[0]), new ResourceId("machine", "web1", UUID.fromString(arguments[1])));
    MigrationOffer offer = TwoHosts.migration(hosts.agent(hosts.left)).offer(hosts.id);
    System.out.println("ready");
    for (int i = 0; ; i++) {
      Host place = Host.existing(Path.of(arguments[2]).resolve("p" + i));
      try (QemuMachineDriver driver = TwoHosts.open(place)) {
        TwoHosts.migration(driver).expect(offer);
      }
    }
  }
}
