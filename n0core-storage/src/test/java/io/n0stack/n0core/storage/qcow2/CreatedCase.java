package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** One way to make an image, for us and for {@code qemu-img}. */
record CreatedCase(Qcow2Options options) {
  private static final int MOST_L1_CLUSTERS = 600; // qemu-img takes long to count them

  /**
   * Returns all pairs of clusters, counts and features, each with sizes near which something changes.
   */
  static List<CreatedCase> matrix(Path base, Path raw) {
    List<CreatedCase> cases = new ArrayList<>();
    for (int bits = 9; bits <= 21; bits++) {
      for (int refcountBits = 1; refcountBits <= 64; refcountBits *= 2) {
        for (int kind = 0; kind < 5; kind++) {
          boolean extended = kind >= 3;
          boolean paired = (bits + Integer.numberOfTrailingZeros(refcountBits) + kind) % 2 == 0;
          if (!paired || (extended && bits < 14)) {
            continue;
          }
          for (long size : sizes(bits, extended)) {
            cases.add(new CreatedCase(options(size, kind, base, raw)
                .clusterSizeBytes(1 << bits)
                .refcountBits(refcountBits)
                .build()));
          }
        }
      }
    }
    return cases;
  }

  /** Returns an image with so many refcount blocks that their table needs several clusters. */
  static CreatedCase countedInManyBlocks() {
    return new CreatedCase(
        Qcow2Options.builder(10L << 30).clusterSizeBytes(512).refcountBits(64).build());
  }

  /** Returns the largest images, which cost {@code qemu-img} 32 MiB each. */
  static List<CreatedCase> largest() {
    List<CreatedCase> cases = new ArrayList<>();
    for (int bits = 16; bits <= 21; bits++) {
      cases.add(new CreatedCase(Qcow2Options.builder(L1Tables.mostBytes(bits, false))
          .clusterSizeBytes(1 << bits)
          .build()));
      cases.add(new CreatedCase(Qcow2Options.builder(L1Tables.mostBytes(bits, true) - 512)
          .clusterSizeBytes(1 << bits)
          .with(Qcow2Options.Feature.EXTENDED_L2)
          .build()));
    }
    return cases;
  }

  private static List<Long> sizes(int bits, boolean extended) {
    long cluster = 1L << bits;
    long covered = 1L << (2 * bits - (extended ? 4 : 3));
    long table = covered * (cluster / 8); // what one cluster of L1 entries covers
    long few = bits < 13 ? 90 : 1; // clusters whose counts do not fit into one
    List<Long> sizes = new ArrayList<>(List.of(0L, 512L, cluster + 512, covered, covered + 512));
    if (bits > 9) {
      sizes.add(cluster - 512);
    }
    for (long size :
        new long[] {table, table + 512, few * table + 512, 3 * few * table, 10L << 30, 3L << 40}) {
      if (size / covered * 8 / cluster <= MOST_L1_CLUSTERS && size / covered < 1 << 20) {
        sizes.add(size);
      }
    }
    return sizes;
  }

  private static Qcow2Options.Builder options(long size, int kind, Path base, Path raw) {
    Qcow2Options.Builder builder = Qcow2Options.builder(size);
    return switch (kind) {
      case 0 -> builder;
      case 1 ->
        builder
            .with(Qcow2Options.Feature.LAZY_REFCOUNTS)
            .compression(Qcow2Compression.ZSTD)
            .backing(raw, ImageFormat.RAW);
      case 2 -> builder.backing(base, ImageFormat.QCOW2);
      case 3 -> builder.with(Qcow2Options.Feature.EXTENDED_L2);
      default ->
        builder
            .with(Qcow2Options.Feature.EXTENDED_L2)
            .with(Qcow2Options.Feature.LAZY_REFCOUNTS)
            .backing(base, ImageFormat.QCOW2);
    };
  }

  /** Returns the arguments with which {@code qemu-img} makes the same. */
  String qemuImg(String image) {
    String features = options.features().stream()
        .map(feature -> "," + feature.name().toLowerCase(Locale.ROOT) + "=on")
        .collect(Collectors.joining());
    String backing = options
        .backing()
        .map(under ->
            " -u -b '" + under.file() + "' -F " + under.format().name().toLowerCase(Locale.ROOT))
        .orElse("");
    return "qemu-img create -q -f qcow2" + backing + " -o cluster_size="
        + options.clusterSizeBytes() + ",refcount_bits=" + options.refcountBits()
        + ",compression_type=" + options.compression().name().toLowerCase(Locale.ROOT)
        + features + " " + image + " " + options.sizeBytes();
  }
}
