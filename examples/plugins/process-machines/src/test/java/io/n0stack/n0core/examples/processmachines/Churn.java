package io.n0stack.n0core.examples.processmachines;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;

/** A process that makes and deletes machines until it is killed. */
final class Churn {
  private Churn() {}

  /**
   * Runs for ever.
   *
   * @param arguments the directory
   */
  public static void main(String[] arguments) {
    ProcessMachineDriver driver = new ProcessMachineDriver(Path.of(arguments[0]));
    MachineSpec spec = ProcessMachineDriver.ONLY;
    // Once before, so that kills hit the work and not the loading of classes.
    ResourceId first = ResourceId.fresh("machine", "first");
    driver.apply(new StandaloneContext(), first, spec);
    driver.delete(new StandaloneContext(), first);
    System.out.println("ready");
    for (int i = 0; ; i++) {
      ResourceId id = ResourceId.fresh("machine", "m" + i);
      driver.apply(new StandaloneContext(), id, spec);
      if (i % 4 != 0) {
        driver.delete(new StandaloneContext(), id);
      }
    }
  }
}
