package io.n0stack.n0core.storage.qcow2;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.code_intelligence.jazzer.mutation.annotation.NotNull;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Gives the creator any options: each is refused, or makes an image that is sound. */
class Qcow2CreatorFuzzTest {
  static Stream<Arguments> options() {
    return Stream.of(
        Arguments.of(0L, 65536, 16, 0, ""),
        Arguments.of(10L << 30, 65536, 16, 1, "/images/base.qcow2"),
        Arguments.of(1L << 20, 512, 1, 8, "/images/base.raw"),
        Arguments.of(1L << 26, 512, 64, 16, "/images/base.raw"),
        Arguments.of(2L << 60, 2 << 20, 2, 2, ""),
        Arguments.of(Long.MAX_VALUE, 2 << 20, 2, 2, ""),
        Arguments.of(513L, 4096, 4, 0, ""),
        Arguments.of(-1L, -1, -1, -1, "json:{}"));
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void options(long size, int cluster, int refcountBits, int kind, @NotNull String backing)
      throws IOException {
    Path image = Files.createTempDirectory("n0core-fuzz").resolve("any.qcow2");
    try {
      AnyOptions.tried(image, size, new int[] {cluster, refcountBits, kind}, backing);
    } finally {
      Files.deleteIfExists(image);
      Files.delete(image.getParent());
    }
  }
}
