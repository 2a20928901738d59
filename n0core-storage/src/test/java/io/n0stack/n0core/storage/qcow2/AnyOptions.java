package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Random;

/** Options as they come, sound or not. */
final class AnyOptions {
  private AnyOptions() {}

  /** Makes and checks an image with random options; returns false if they were refused. */
  static boolean tried(Random random, Path image) throws IOException {
    int bits = random.nextInt(30) == 0 ? random.nextInt(31) : 9 + random.nextInt(13);
    int cluster = (1 << bits) + (random.nextInt(30) == 0 ? 1 : 0);
    int refcountBits = random.nextInt(30) == 0 ? random.nextInt() : 1 << random.nextInt(7);
    long size = (random.nextLong() >>> (1 + random.nextInt(63))) / 512 * 512;
    size += random.nextInt(30) == 0 ? 1 : 0;
    int kind = random.nextInt(64);
    String backing = random.nextInt(3) == 0 ? "/" + "n".repeat(random.nextInt(1200)) : "";
    return tried(image, size, new int[] {cluster, refcountBits, kind}, backing);
  }

  /**
   * Makes and checks an image.
   *
   * @param numbers size of a cluster, width of a count, and bits for the rest
   */
  static boolean tried(Path image, long size, int[] numbers, String backing) throws IOException {
    Qcow2Options options;
    try {
      options = options(size, numbers, backing);
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
      assertThat(e).hasMessageContaining("must");
      return false;
    } catch (InvalidPathException e) {
      return false;
    }
    Files.deleteIfExists(image);
    Qcow2Creator.create(image, options);
    Qcow2Header header = Qcow2Header.read(image);
    assertThat(header.sizeBytes()).isEqualTo(size);
    assertThat(header.backingFile())
        .isEqualTo(options.backing().map(under -> under.file().toString()));
    if (header.l1Size() < 100_000) {
      PlainCheck.check(image);
    }
    return true;
  }

  private static Qcow2Options options(long size, int[] numbers, String backing) {
    Qcow2Options.Builder builder =
        Qcow2Options.builder(size).clusterSizeBytes(numbers[0]).refcountBits(numbers[1]);
    if ((numbers[2] & 1) != 0) {
      builder.with(Qcow2Options.Feature.LAZY_REFCOUNTS);
    }
    if ((numbers[2] & 2) != 0) {
      builder.with(Qcow2Options.Feature.EXTENDED_L2);
    }
    if ((numbers[2] & 8) != 0) {
      builder.compression(Qcow2Compression.ZSTD);
    }
    if (!backing.isEmpty()) {
      ImageFormat format = (numbers[2] & 16) != 0 ? ImageFormat.RAW : ImageFormat.QCOW2;
      builder.backing(Path.of(backing), format);
    }
    return builder.build();
  }
}
