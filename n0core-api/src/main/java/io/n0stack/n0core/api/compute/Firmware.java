package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the machine runs first.
 *
 * @since 0.1
 */
public sealed interface Firmware {
  /** SeaBIOS, which boots from the disks. */
  record Bios() implements Firmware {}

  /**
   * OVMF, which boots from the disks.
   *
   * @param secureBoot whether only signed loaders start
   */
  record Uefi(SecureBoot secureBoot) implements Firmware {
    /** Whether only signed loaders start. */
    public enum SecureBoot {
      /** Anything starts. */
      OFF,
      /** Only what is signed with an enrolled key starts. */
      ON
    }
  }

  /**
   * A Linux kernel, loaded from files of the host.
   *
   * @param image absolute path of the kernel
   * @param initrd absolute path of the initial RAM disk
   * @param commandLine the kernel's command line, at most 2047 characters; may be empty
   */
  record Kernel(Path image, Optional<Path> initrd, String commandLine) implements Firmware {
    /** Checks the paths and the command line. */
    public Kernel {
      Rules.absolutePath("firmware.image", image);
      initrd.ifPresent(path -> Rules.absolutePath("firmware.initrd", path));
      if (!commandLine.isEmpty()) {
        Rules.text("firmware.commandLine", commandLine, 2047);
      }
    }
  }

  /**
   * A ROM image that is mapped below 4 GiB and started at the reset vector.
   *
   * @param image absolute path of a file whose size is a multiple of 64 KiB
   */
  record Rom(Path image) implements Firmware {
    /** Checks the path. */
    public Rom {
      Rules.absolutePath("firmware.image", image);
    }
  }
}
