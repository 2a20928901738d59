package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A PCI device as the guest sees it.
 *
 * @param bus its bus
 * @param slot its slot
 * @param function its function
 * @param description what its class means
 * @param deviceClass its class
 * @param device its device id
 * @param vendor its vendor id
 * @param subsystem its subsystem id
 * @param subsystemVendor its subsystem's vendor id
 * @param irq its interrupt
 * @param irqPin its interrupt pin, 0 for none
 * @param id its id in QEMU, possibly empty
 * @param bridge what is behind it, if it is a bridge
 * @param regions its address ranges
 * @since 0.1
 */
public record PciDevice(
    long bus,
    long slot,
    long function,
    Optional<String> description,
    long deviceClass,
    long device,
    long vendor,
    OptionalLong subsystem,
    OptionalLong subsystemVendor,
    OptionalLong irq,
    long irqPin,
    String id,
    Optional<PciBridge> bridge,
    List<PciRegion> regions) {
  /** Copies the lists. */
  public PciDevice {
    regions = List.copyOf(regions);
  }

  static PciDevice from(QmpResult result) {
    return new PciDevice(
        result.number("/bus"),
        result.number("/slot"),
        result.number("/function"),
        Read.optText(result, "/class_info/desc"),
        result.number("/class_info/class"),
        result.number("/id/device"),
        result.number("/id/vendor"),
        Read.optNumber(result, "/id/subsystem"),
        Read.optNumber(result, "/id/subsystem-vendor"),
        Read.optNumber(result, "/irq"),
        result.number("/irq_pin"),
        result.text("/qdev_id"),
        Read.optOne(result, "/pci_bridge", PciBridge::from),
        Read.list(result, "/regions", PciRegion::from));
  }
}
