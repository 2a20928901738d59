package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.qcow2.ImageExtent;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.ImageInfo;
import io.n0stack.n0core.storage.qcow2.ImageMap;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.util.Optional;

/** Reads all that there is to read of an image, in a JVM of its own. */
public final class InspectMain {
  private InspectMain() {}

  /**
   * Inspects.
   *
   * @param args the image
   */
  public static void main(String[] args) {
    Path image = Path.of(args[0]);
    long size = ImageGate.standard().inspect(image, ImageFormat.QCOW2).sizeBytes();
    if (ImageInfo.read(image, ImageFormat.QCOW2).sizeBytes() != size || mapped(image) != size) {
      throw new IllegalStateException(image + " is not mapped to its end");
    }
  }

  /** Returns how many bytes the map of an image covers. */
  static long mapped(Path image) {
    long bytes = 0;
    try (ImageMap map = ImageMap.openLayer(image, ImageFormat.QCOW2)) {
      for (Optional<ImageExtent> extent = map.next(); extent.isPresent(); extent = map.next()) {
        bytes += extent.get().length();
      }
    }
    return bytes;
  }

  /** Tells whether a JVM with so much heap can do it. */
  static boolean succeeds(Path image, int mib) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx" + mib + "m",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            InspectMain.class.getName(),
            image.toString())
        .redirectOutput(Redirect.DISCARD)
        .redirectError(Redirect.DISCARD)
        .start();
    return process.waitFor() == 0;
  }
}
