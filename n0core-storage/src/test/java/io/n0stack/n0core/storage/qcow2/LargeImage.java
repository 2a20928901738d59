package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;

/** Inspects an image and counts its extents, in a process with little memory. */
final class LargeImage {
  private LargeImage() {}

  public static void main(String[] arguments) {
    Path image = Path.of(arguments[0]);
    long size = ImageGate.standard().inspect(image, ImageFormat.QCOW2).sizeBytes();
    ImageInfo info = ImageInfo.read(image, ImageFormat.QCOW2);
    long[] counts = new long[3];
    try (ImageMap map = ImageMap.open(Qcow2Chain.read(image, ImageFormat.QCOW2))) {
      map.forEach(extent -> {
        counts[0]++;
        counts[1] += extent.length();
        counts[2] += extent.isData() ? extent.length() : 0;
      });
    }
    System.out.println(
        size + " " + info.snapshots().size() + " " + counts[0] + " " + counts[1] + " " + counts[2]);
  }
}
