package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * A PCI bus.
 *
 * @param number its number
 * @param devices what is on it
 * @since 0.1
 */
public record PciBus(long number, List<PciDevice> devices) {
  /** Copies the lists. */
  public PciBus {
    devices = List.copyOf(devices);
  }

  static PciBus from(QmpResult result) {
    return new PciBus(result.number("/bus"), Read.list(result, "/devices", PciDevice::from));
  }
}
