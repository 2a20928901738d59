package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Qcow2ChainTest {
  @TempDir
  Path directory;

  @Test
  void aChainThatLeadsBackIntoItselfIsRefused() throws IOException {
    Path one = written("1", HandMade.withBacking("2"));
    written("2", HandMade.withBacking("3"));
    written("3", HandMade.withBacking("2"));
    Path self = written("self", HandMade.withBacking("self"));
    Path linked = written("linked", HandMade.withBacking("same"));
    Files.createLink(directory.resolve("same"), linked);

    for (Path image : List.of(one, self, linked)) {
      requireInvalid("image.backingFile", image);
    }
  }

  @Test
  void whatIsMissingLinkedOrNoFileIsNotReadOver() throws IOException {
    Path missing = written("1", HandMade.withBacking("nothing"));
    Path intoNothing = written("2", HandMade.withBacking("no/../where"));
    Path link = written("3", HandMade.withBacking("link"));
    Files.createSymbolicLink(directory.resolve("link"), missing);

    requireCode(N0Exception.Code.NOT_FOUND, missing);
    requireCode(N0Exception.Code.NOT_FOUND, intoNothing);
    requireInvalid("image", link);
    requireInvalid("image", written("4", HandMade.withBacking(".")));
    requireInvalid("image", written("5", HandMade.withBacking("/dev/zero")));
    requireInvalid("image", written("6", HandMade.withBacking("/")));
    requireInvalid("image", written("7", HandMade.withBacking("..")));
  }

  @Test
  void formatsThatWereWrittenNowhereAreTakenAsGivenAndNeverGuessed() throws IOException {
    written("base", HandMade.image());
    Path top = written("top", withoutFormat());

    assertThat(Qcow2Chain.read(top, ImageFormat.QCOW2).unopened())
        .hasValueSatisfying(end -> assertThat(end.reason()).isEqualTo(Qcow2Chain.Reason.NO_FORMAT));
    assertThat(layers(top, ImageFormat.QCOW2, ImageFormat.QCOW2).get(1).header())
        .isPresent();
    assertThat(layers(top, ImageFormat.QCOW2, ImageFormat.RAW).get(1).header()).isEmpty();
  }

  @Test
  void aGivenFormatMustBeTheWrittenOne() throws IOException {
    written("base", HandMade.image());
    Path top = written("top", HandMade.withBacking("base"));

    assertThat(layers(top, ImageFormat.QCOW2, ImageFormat.QCOW2)).hasSize(2);
    assertThatThrownBy(() -> layers(top, ImageFormat.QCOW2, ImageFormat.RAW))
        .hasMessageContaining("image.backingFormat");
    assertThatThrownBy(() -> layers(top)).hasMessageContaining("formats");
  }

  @Test
  void theGateInspectsEachLayerBeforeItFollowsIt() throws IOException {
    written("base", HandMade.image());
    Path corrupt = written("corrupt", HandMade.withBacking("base").putLong(72, 2));
    Path top = written("top", HandMade.withBacking("corrupt"));
    Path leaking = written("leaking", HandMade.withBacking("missing").putLong(72, 2));

    assertThat(Qcow2Chain.read(top, ImageFormat.QCOW2).layers()).hasSize(3);
    for (Path image : List.of(corrupt, top, leaking)) {
      assertThatThrownBy(() -> ImageGate.standard().inspectChain(image, ImageFormat.QCOW2))
          .hasMessageContaining("corrupt");
    }
  }

  private static List<Qcow2Chain.Layer> layers(Path image, ImageFormat... formats) {
    return Qcow2Chain.read(image, List.of(formats)).layers();
  }

  private static ByteBuffer withoutFormat() {
    return HandMade.withBacking("base").putInt(104, 0);
  }

  private static void requireInvalid(String field, Path image) {
    assertThatThrownBy(() -> Qcow2Chain.read(image, ImageFormat.QCOW2))
        .isInstanceOfSatisfying(N0Exception.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
          assertThat(e.subject()).isEqualTo(field);
        });
  }

  private static void requireCode(N0Exception.Code code, Path image) {
    assertThatThrownBy(() -> Qcow2Chain.read(image, ImageFormat.QCOW2))
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private Path written(String name, ByteBuffer bytes) throws IOException {
    return Files.write(directory.resolve(name), HandMade.bytes(bytes));
  }
}
