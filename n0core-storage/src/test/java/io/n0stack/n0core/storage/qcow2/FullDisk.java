package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A process that writes images on a small disk with less and less room, and says what it saw. */
final class FullDisk {
  private static final int PAGE = 4096;
  private static final long GIB = 1 << 30;

  private FullDisk() {}

  /**
   * Runs once.
   *
   * @param arguments where the disk is
   */
  public static void main(String[] arguments) throws IOException {
    Path disk = Path.of(arguments[0]);
    Path filler = disk.resolve("filler");
    Path image = disk.resolve("image");
    for (int pages = 6; pages >= 0; pages--) {
      Files.write(filler, new byte[(int) disk.toFile().getUsableSpace() - pages * PAGE]);
      System.out.println("create with " + pages + " " + created(image));
      Files.deleteIfExists(image);
      Files.delete(filler);
    }
    for (int pages = 20; pages >= 0; pages -= 4) {
      Qcow2Creator.create(image, Qcow2Options.of(GIB));
      Files.write(filler, new byte[(int) disk.toFile().getUsableSpace() - pages * PAGE]);
      System.out.println("grow with " + pages + " " + grown(image, 4L << 40));
      System.out.println("grow a little with " + pages + " " + grown(image, 4L << 40));
      Images.qemuImg("check", "-q", "-f", "qcow2", image);
      Files.delete(image);
      Files.delete(filler);
    }
  }

  private static String created(Path image) {
    try {
      Qcow2Creator.create(image, Qcow2Options.of(GIB));
      Images.qemuImg("check", "-q", "-f", "qcow2", image);
      return "done";
    } catch (N0Exception e) {
      return e.code() + (Files.exists(image) ? " with a rest" : " without a rest");
    }
  }

  private static String grown(Path image, long size) throws IOException {
    try (FileChannel file =
        FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      Qcow2Growth.to(size).apply(file);
    } catch (IOException e) {
      return e.getMessage() + " " + (Qcow2Header.read(image).sizeBytes() == GIB);
    }
    return "done " + (Qcow2Header.read(image).sizeBytes() == size);
  }
}
