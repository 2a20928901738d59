package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class Qcow2OptionsTest {
  @Test
  void whatIsNotAskedForIsAsInQemu() {
    Qcow2Options options = Qcow2Options.of(1 << 20);

    assertThat(options.clusterSizeBytes()).isEqualTo(65536);
    assertThat(options.refcountBits()).isEqualTo(16);
    assertThat(options.features()).isEmpty();
    assertThat(options.compression()).isEqualTo(Qcow2Compression.ZLIB);
    assertThat(options.backing()).isEmpty();
  }

  static Stream<Arguments> refusals() {
    return Stream.of(
        refused("sizeBytes", Qcow2Options.builder(-512)),
        refused("sizeBytes", Qcow2Options.builder(513)),
        refused("sizeBytes", Qcow2Options.builder((2L << 50) + 512)),
        refused("sizeBytes", Qcow2Options.builder(Long.MAX_VALUE)),
        refused("sizeBytes", Qcow2Options.builder((128L << 30) + 512).clusterSizeBytes(512)),
        refused("sizeBytes", Qcow2Options.builder((2L << 60) + 512).clusterSizeBytes(2 << 20)),
        refused(
            "sizeBytes",
            Qcow2Options.builder((1L << 50) + 512).with(Qcow2Options.Feature.EXTENDED_L2)),
        refused("clusterSizeBytes", Qcow2Options.builder(0).clusterSizeBytes(0)),
        refused("clusterSizeBytes", Qcow2Options.builder(0).clusterSizeBytes(256)),
        refused("clusterSizeBytes", Qcow2Options.builder(0).clusterSizeBytes(4 << 20)),
        refused("clusterSizeBytes", Qcow2Options.builder(0).clusterSizeBytes(65537)),
        refused("clusterSizeBytes", Qcow2Options.builder(0).clusterSizeBytes(Integer.MIN_VALUE)),
        refused(
            "clusterSizeBytes",
            Qcow2Options.builder(0).clusterSizeBytes(8192).with(Qcow2Options.Feature.EXTENDED_L2)),
        refused("refcountBits", Qcow2Options.builder(0).refcountBits(0)),
        refused("refcountBits", Qcow2Options.builder(0).refcountBits(3)),
        refused("refcountBits", Qcow2Options.builder(0).refcountBits(128)),
        refused(
            "backing.file",
            Qcow2Options.builder(0).clusterSizeBytes(512).backing(name(377), ImageFormat.QCOW2)));
  }

  private static Arguments refused(String field, Qcow2Options.Builder builder) {
    return Arguments.of(field, builder);
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource("refusals")
  void whatQemuWouldRefuseIsRefusedByField(String field, Qcow2Options.Builder builder) {
    assertThatThrownBy(builder::build).isInstanceOfSatisfying(N0Exception.class, e -> {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
      assertThat(e.subject()).isEqualTo(field);
      assertThat(e).hasMessageContaining("must");
    });
  }

  @Test
  void theLargestAndSmallestAreTaken() {
    assertThat(Qcow2Options.of(2L << 50)).isNotNull();
    assertThat(Qcow2Options.builder(128L << 30).clusterSizeBytes(512).build()).isNotNull();
    assertThat(Qcow2Options.builder(2L << 60).clusterSizeBytes(2 << 20).build()).isNotNull();
    assertThat(Qcow2Options.of(0)).isNotNull();
    assertThat(Qcow2Options.builder(0)
            .clusterSizeBytes(512)
            .backing(name(376), ImageFormat.QCOW2)
            .build())
        .isNotNull();
    assertThat(Qcow2Options.builder(0).backing(name(1023), ImageFormat.RAW).build())
        .isNotNull();
  }

  @Test
  void aNameThatQemuWouldReadAsSomethingElseIsRefused() {
    for (String name : new String[] {
      "base.qcow2", "json:{}", "nbd:localhost:10809", "/a/../b", "/a\nb", "/a\ufffdb", "/a\ud800b"
    }) {
      assertThatThrownBy(() -> Qcow2Options.builder(0).backing(Path.of(name), ImageFormat.RAW))
          .as(name)
          .satisfiesAnyOf(
              e -> assertThat(e)
                  .isInstanceOfSatisfying(
                      N0Exception.class, n0 -> assertThat(n0.subject()).isEqualTo("backing.file")),
              e -> assertThat(e).isInstanceOf(java.nio.file.InvalidPathException.class));
    }
    assertThatThrownBy(() -> Qcow2Options.builder(0).backing(name(1024), ImageFormat.RAW))
        .hasMessageContaining("1023");
  }

  private static Path name(int length) {
    return Path.of("/" + "n".repeat(length - 1));
  }
}
