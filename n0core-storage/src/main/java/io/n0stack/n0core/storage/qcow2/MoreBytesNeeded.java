package io.n0stack.n0core.storage.qcow2;

/** The bytes at hand end before what is to be decoded, which the file may still have. */
final class MoreBytesNeeded extends Exception {
  private static final long serialVersionUID = 1L;

  MoreBytesNeeded() {
    super("more bytes needed", null, false, false);
  }

  static void unless(boolean enough) throws MoreBytesNeeded {
    if (!enough) {
      throw new MoreBytesNeeded();
    }
  }
}
