package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.UUID;

/** An agent that makes one call and ends: a process to be killed in the middle of it. */
final class OneCall {
  private OneCall() {}

  public static void main(String[] arguments) {
    Host host = Host.existing(Path.of(arguments[0]));
    ResourceId id = new ResourceId("machine", arguments[2], UUID.fromString(arguments[3]));
    try (QemuMachineDriver driver = host.open()) {
      System.out.println("ready");
      if (arguments[1].equals("apply")) {
        driver.apply(Host.context(), id, host.nano(Chipset.PC).build());
      } else if (arguments[1].equals("delete")) {
        driver.delete(Host.context(), id);
      } else {
        driver.power(Host.context(), id, PowerAction.valueOf(arguments[1]));
      }
    }
  }
}
