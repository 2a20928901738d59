package io.n0stack.n0core.storage.qcow2;

import java.io.IOException;

/** Says how one image stores its parts. Not thread-safe. */
interface LayerMap {
  /**
   * A part that is stored in one way.
   *
   * @param start where it begins
   * @param length how long it is
   * @param kind how it is stored
   * @param host where it is in the file, negative if nowhere
   */
  record Run(long start, long length, ImageExtent.Kind kind, long host) {
    /** The part of it from a position on. */
    Run from(long offset) {
      long cut = offset - start;
      return new Run(offset, length - cut, kind, host < 0 ? host : host + cut);
    }

    Run cutTo(long most) {
      return most >= length ? this : new Run(start, most, kind, host);
    }

    boolean holds(long offset) {
      return offset >= start && offset - start < length;
    }

    boolean isContinuedBy(Run next) {
      return kind == next.kind && (host < 0 ? next.host < 0 : host + length == next.host);
    }
  }

  /** Size of the disk. */
  long sizeBytes();

  /** Returns the longest run that begins at a position before the end of the disk. */
  Run at(long offset) throws IOException;
}
