package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.storage.qcow2.ImageExtent.Kind;
import java.io.IOException;

/** A qcow2 image with preallocated clusters: tells data from holes, as QEMU does for such images. */
final class SparseLayer implements LayerMap {
  private final LayerMap image;
  private final HostFile file;
  private Run whole = new Run(0, 0, Kind.UNALLOCATED, -1);

  SparseLayer(LayerMap image, HostFile file) {
    this.image = image;
    this.file = file;
  }

  @Override
  public long sizeBytes() {
    return image.sizeBytes();
  }

  @Override
  public Run at(long offset) throws IOException {
    if (!whole.holds(offset)) {
      whole = image.at(offset);
    }
    Run run = whole.from(offset);
    if (run.kind() != Kind.DATA || run.host() < 0) {
      return run;
    }
    long data = file.dataFrom(run.host());
    if (data == run.host()) {
      return run.cutTo(file.holeFrom(run.host()) - run.host());
    }
    Run hole = data == Long.MAX_VALUE ? run : run.cutTo(data - run.host());
    return new Run(hole.start(), hole.length(), Kind.SPARSE_DATA, hole.host());
  }
}
