package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class Qcow2ChainIT {
  @TempDir
  Path directory;

  @Test
  void findsTheFilesThatQemuFinds() throws IOException {
    Path below = Files.createDirectories(directory.resolve("a/b"));
    Files.createSymbolicLink(directory.resolve("linked"), below);
    create(directory.resolve("a/base.raw"), "raw", "5M");
    Path first = below.resolve("first.qcow2");
    create(first, "qcow2", "-b", "../base.raw", "-F", "raw");
    Path second = directory.resolve("second:with:colons.qcow2");
    create(second, "qcow2", "-b", directory.resolve("linked/first.qcow2"), "-F", "qcow2");
    Path third = directory.resolve("third.qcow2");
    create(third, "qcow2", "-b", "./second:with:colons.qcow2", "-F", "qcow2");
    Path top = directory.resolve("linked/top.qcow2");
    create(top, "qcow2", "-b", "../../third.qcow2", "-F", "qcow2");

    Qcow2Chain chain = Qcow2Chain.read(top, ImageFormat.QCOW2);

    assertThat(chain.unopened()).isEmpty();
    List<String> found = new ArrayList<>();
    for (Qcow2Chain.Layer layer : chain.layers()) {
      found.add(layer.image().toRealPath().toString());
    }
    List<String> said = new ArrayList<>();
    for (JsonNode image : QemuSays.parsed(
        Images.qemuImg("info", "--backing-chain", "-f", "qcow2", "--output=json", top))) {
      said.add(Path.of(image.path("filename").asText()).toRealPath().toString());
    }
    assertThat(found).isEqualTo(said).hasSize(5);
    assertThat(chain.layers().get(4).format()).isEqualTo(ImageFormat.RAW);
    assertThat(ImageGate.standard().inspectChain(top, ImageFormat.QCOW2)).hasSize(5);
    assertThatThrownBy(() -> ImageGate.standard().inspect(top, ImageFormat.QCOW2))
        .hasMessageContaining("image.backingFile");
  }

  @Test
  void namesWhatItDoesNotOpen() {
    Path base = directory.resolve("base.vmdk");
    create(base, "vmdk", "1M");
    requireUnopened(base.toString(), "vmdk", Qcow2Chain.Reason.OTHER_FORMAT);
    requireUnopened("nbd:127.0.0.1:1", "raw", Qcow2Chain.Reason.PROTOCOL);
    requireUnopened("json:{\"driver\":\"null-co\"}", "raw", Qcow2Chain.Reason.PROTOCOL);
    requireUnopened("file:" + base, "raw", Qcow2Chain.Reason.PROTOCOL);
    requireUnopened("a:b/c", "raw", Qcow2Chain.Reason.PROTOCOL);
  }

  private void requireUnopened(String name, String format, Qcow2Chain.Reason reason) {
    Path image = directory.resolve("image.qcow2");
    create(image, "qcow2", "-u", "-b", name, "-F", format, "1M");

    Qcow2Chain chain = Qcow2Chain.read(image, ImageFormat.QCOW2);

    assertThat(chain.layers()).hasSize(1);
    assertThat(chain.unopened()).hasValueSatisfying(end -> {
      assertThat(end.name()).isEqualTo(name);
      assertThat(end.reason()).isEqualTo(reason);
    });
    assertThatThrownBy(() -> ImageGate.standard().inspectChain(image, ImageFormat.QCOW2))
        .hasMessageContaining("image.backingFile");
    assertThatThrownBy(() -> ImageMap.open(chain))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
  }

  @Test
  void aChainIsReadToItsGreatestDepthAndNoFurther() {
    create(directory.resolve("0"), "qcow2", "1M");
    for (int i = 1; i <= Qcow2Chain.MOST_LAYERS; i++) {
      create(directory.resolve(String.valueOf(i)), "qcow2", "-u", "-b", i - 1, "-F", "qcow2", "1M");
    }
    Path deepest = directory.resolve(String.valueOf(Qcow2Chain.MOST_LAYERS - 1));
    Path tooDeep = directory.resolve(String.valueOf(Qcow2Chain.MOST_LAYERS));

    assertThat(Qcow2Chain.read(deepest, ImageFormat.QCOW2).layers())
        .hasSize(Qcow2Chain.MOST_LAYERS);
    assertThat(ImageGate.standard().inspectChain(deepest, ImageFormat.QCOW2))
        .hasSize(Qcow2Chain.MOST_LAYERS);
    QemuSays.requireSameMap(deepest, ImageFormat.QCOW2, "deep");
    assertThatThrownBy(() -> Qcow2Chain.read(tooDeep, ImageFormat.QCOW2))
        .hasMessageContaining("image.chain");
  }

  private static void create(Path image, String format, Object... arguments) {
    List<Object> command = new ArrayList<>(List.of("create", "-q", "-f", format));
    // The size comes behind the name, options before it.
    List<Object> given = new ArrayList<>(List.of(arguments));
    boolean sized = given.get(given.size() - 1).toString().endsWith("M");
    Object size = sized ? given.remove(given.size() - 1) : "";
    command.addAll(given);
    command.add(image);
    if (sized) {
      command.add(size);
    }
    Images.qemuImg(command.toArray());
  }
}
