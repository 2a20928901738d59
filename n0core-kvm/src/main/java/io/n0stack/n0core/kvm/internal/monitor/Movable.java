package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;

/** Whether a guest's state can be taken out of its QEMU: to another host, to a file, into a snapshot. */
public final class Movable {
  private Movable() {}

  /**
   * Asks QEMU, which knows the devices whose state it cannot write. Changes nothing.
   *
   * @param what what is to be done, such as {@code migrate}
   * @param id the machine
   * @param spec what it is
   * @param monitor its monitor
   * @throws N0Exception UNSUPPORTED, with the field at fault if the spec has one, and QEMU's words
   */
  public static void require(String what, ResourceId id, MachineSpec spec, Monitor monitor) {
    List<String> reasons = monitor
        .execute("query-migrate")
        .find("/blocked-reasons")
        .map(found -> found.list("").stream().map(reason -> reason.text("")).toList())
        .orElse(List.of());
    if (reasons.isEmpty()) {
      return;
    }
    List<String> shares = spec.hardware().map(Hardware::shares).orElse(List.of()).stream()
        .map(Hardware.Share::tag)
        .toList();
    String field = shares.isEmpty() ? "" : "hardware.shares " + shares + " must be empty: ";
    throw new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        id.toString(),
        what + " " + id + ": " + field + String.join("; ", reasons));
  }
}
