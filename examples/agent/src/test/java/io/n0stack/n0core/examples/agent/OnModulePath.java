package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import java.util.Map;

/** Prints each driver's kind, the module it comes from, and its health. */
public final class OnModulePath {
  private OnModulePath() {}

  /**
   * Prints.
   *
   * @param args none
   */
  public static void main(String[] args) {
    for (Driver<?, ?> driver : DriverPlugin.drivers(Map.of("kvm.accelerator", "tcg"))) {
      System.out.println(driver.describe().kind() + " "
          + driver.getClass().getModule().getName() + " " + driver.probe().health());
      driver.close();
    }
  }
}
