package io.n0stack.n0core.kvm.internal.commandline;

import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The files of one launch, which QEMU can open.
 *
 * @param run the launch
 * @param firmware as in the spec, with the paths of copies where QEMU's user cannot reach the originals
 * @param uefi the files of UEFI firmware
 * @param seed the image that tells cloud-init what the spec says
 */
public record LaunchFiles(Run run, Firmware firmware, Optional<Uefi> uefi, Optional<Path> seed) {
  /**
   * UEFI firmware.
   *
   * @param code what is run, for all machines
   * @param variables the machine's own
   */
  public record Uefi(Path code, Path variables) {}
}
