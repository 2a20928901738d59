package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * What the guest's ACPI reported of a slot.
 *
 * @param device the device in it
 * @param slot the slot
 * @param slotType DIMM or CPU
 * @param source the ACPI event that it is about
 * @param status the ACPI status code
 * @since 0.1
 */
public record OspmStatus(
    Optional<String> device, String slot, String slotType, long source, long status) {
  static OspmStatus from(QmpResult result) {
    return new OspmStatus(
        Read.optText(result, "/device"),
        result.text("/slot"),
        result.text("/slot-type"),
        result.number("/source"),
        result.number("/status"));
  }
}
