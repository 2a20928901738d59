package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A trusted platform module.
 *
 * @param id its id
 * @param model its front end, such as {@code tpm-crb}
 * @param type its back end, such as {@code emulator}
 * @param path the host's device, for a passed-through one
 * @param chardev the emulator's character device
 * @since 0.1
 */
public record Tpm(
    String id, String model, String type, Optional<String> path, Optional<String> chardev) {
  static Tpm from(QmpResult result) {
    return new Tpm(
        result.text("/id"),
        result.text("/model"),
        result.text("/options/type"),
        Read.optText(result, "/options/data/path"),
        Read.optText(result, "/options/data/chardev"));
  }
}
