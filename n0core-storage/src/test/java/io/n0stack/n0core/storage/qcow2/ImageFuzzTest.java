package io.n0stack.n0core.storage.qcow2;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gives readers what no QEMU writes. Each {@code @FuzzTest} replays sound images; with {@code JAZZER_FUZZ=1}
 * Jazzer goes on from there.
 */
class ImageFuzzTest {
  static Stream<byte[]> images() {
    return AllReaders.soundImages().stream();
  }

  @MethodSource("images")
  @FuzzTest(maxDuration = "5m")
  void header(byte[] image) throws IOException {
    AllReaders.accepts(image, AllReaders::header);
  }

  @MethodSource("images")
  @FuzzTest(maxDuration = "5m")
  void snapshots(byte[] image) throws IOException {
    AllReaders.accepts(image, AllReaders::snapshots);
  }

  @MethodSource("images")
  @FuzzTest(maxDuration = "5m")
  void bitmaps(byte[] image) throws IOException {
    AllReaders.accepts(image, AllReaders::bitmaps);
  }

  @MethodSource("images")
  @FuzzTest(maxDuration = "5m")
  void map(byte[] image) throws IOException {
    AllReaders.accepts(image, AllReaders::map);
  }

  @MethodSource("images")
  @FuzzTest(maxDuration = "5m")
  void gate(byte[] image) throws IOException {
    AllReaders.accepts(image, AllReaders::gate);
    AllReaders.accepts(image, AllReaders::head);
  }
}
