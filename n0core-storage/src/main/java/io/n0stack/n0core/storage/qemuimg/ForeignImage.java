package io.n0stack.n0core.storage.qemuimg;

import java.nio.file.Path;

/**
 * An image of a stranger in a format that n0core does not read itself.
 *
 * @param path absolute and normal, without control characters
 * @param format never guessed
 * @since 0.1
 */
public record ForeignImage(Path path, Format format) {
  /** The formats. */
  public enum Format {
    /** VMware's, in one file: monolithicSparse or streamOptimized. */
    VMDK("vmdk"),
    /** VirtualBox's. */
    VDI("vdi"),
    /** Hyper-V's. */
    VHDX("vhdx"),
    /** QEMU's: for images that were not inspected before. */
    QCOW2("qcow2");

    final String driver;

    Format(String driver) {
      this.driver = driver;
    }
  }

  /**
   * Checks the path.
   *
   * @throws io.n0stack.n0core.api.N0Exception INVALID if it is not absolute and normal
   */
  public ForeignImage {
    Names.path("path", path);
  }
}
