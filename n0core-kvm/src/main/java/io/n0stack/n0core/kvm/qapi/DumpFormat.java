package io.n0stack.n0core.kvm.qapi;

/**
 * The format of a dump.
 *
 * @since 0.1
 */
public enum DumpFormat {
  /** A core file. */
  ELF,
  /** Compressed by zlib. */
  KDUMP_ZLIB,
  /** Compressed by LZO. */
  KDUMP_LZO,
  /** Compressed by Snappy. */
  KDUMP_SNAPPY,
  /** The format of Windows. */
  WIN_DMP
}
