package io.n0stack.n0core.storage.qcow2;

import java.util.List;

/**
 * A header extension of a qcow2 image: what the header says beyond its fixed fields. See QEMU's
 * {@code docs/interop/qcow2.txt}, "Header extensions".
 *
 * @since 0.1
 */
public sealed interface Qcow2Extension
    permits Qcow2Extension.BackingFormat,
        Qcow2Extension.DataFile,
        Qcow2Extension.FeatureNames,
        Qcow2Extension.Bitmaps,
        Qcow2Extension.LuksPointer,
        Qcow2Extension.Other {

  /**
   * The format of the backing file.
   *
   * @param format QEMU's name of the format, such as {@code qcow2}
   * @since 0.1
   */
  record BackingFormat(String format) implements Qcow2Extension {}

  /**
   * The file that holds the guest's data.
   *
   * @param name the name, as written in the image
   * @since 0.1
   */
  record DataFile(String name) implements Qcow2Extension {}

  /**
   * What the writer of the image called the feature bits.
   *
   * @param names one for each bit that has a name
   * @since 0.1
   */
  record FeatureNames(List<FeatureName> names) implements Qcow2Extension {
    /** Copies the list. */
    public FeatureNames {
      names = List.copyOf(names);
    }
  }

  /**
   * Where the directory of persistent bitmaps is.
   *
   * @param count number of bitmaps, 1 to 65535
   * @param sizeBytes length of the directory
   * @param offset position in the file
   * @since 0.1
   */
  record Bitmaps(int count, long sizeBytes, long offset) implements Qcow2Extension {}

  /**
   * Where the LUKS header is.
   *
   * @param offset position in the file
   * @param sizeBytes length of the header with its key material
   * @since 0.1
   */
  record LuksPointer(long offset, long sizeBytes) implements Qcow2Extension {}

  /**
   * An extension that qcow2 had no meaning for when this was written.
   *
   * @param type its number
   * @param sizeBytes length of its data
   * @since 0.1
   */
  record Other(int type, long sizeBytes) implements Qcow2Extension {}

  /**
   * The name of a feature bit.
   *
   * @param kind 0 for incompatible, 1 for compatible, 2 for autoclear
   * @param bit number of the bit
   * @param name its name
   * @since 0.1
   */
  record FeatureName(int kind, int bit, String name) {}
}
