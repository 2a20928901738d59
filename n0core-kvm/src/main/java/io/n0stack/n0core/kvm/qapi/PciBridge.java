package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * The bus behind a bridge.
 *
 * @param number the bus on which the bridge is
 * @param secondary the bus behind it
 * @param subordinate the highest bus behind it
 * @param devices what is behind it
 * @since 0.1
 */
public record PciBridge(long number, long secondary, long subordinate, List<PciDevice> devices) {
  /** Copies the lists. */
  public PciBridge {
    devices = List.copyOf(devices);
  }

  static PciBridge from(QmpResult result) {
    return new PciBridge(
        result.number("/bus/number"),
        result.number("/bus/secondary"),
        result.number("/bus/subordinate"),
        Read.optList(result, "/devices", PciDevice::from));
  }
}
