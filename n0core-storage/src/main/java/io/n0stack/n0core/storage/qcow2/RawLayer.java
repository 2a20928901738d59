package io.n0stack.n0core.storage.qcow2;

import java.io.IOException;

/** A raw image: data, and the holes of its file. As {@code raw_co_block_status} of QEMU. */
final class RawLayer implements LayerMap {
  private final HostFile file;
  private final long sizeBytes;

  RawLayer(HostFile file, long fileLength) {
    this.file = file;
    sizeBytes = ImageFiles.wholeSectors(fileLength);
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public Run at(long offset) throws IOException {
    long data = file.dataFrom(offset);
    boolean isData = data == offset;
    long end = Math.min(isData ? file.holeFrom(offset) : data, sizeBytes);
    ImageExtent.Kind kind = isData ? ImageExtent.Kind.DATA : ImageExtent.Kind.ZERO;
    return new Run(offset, end - offset, kind, offset);
  }
}
