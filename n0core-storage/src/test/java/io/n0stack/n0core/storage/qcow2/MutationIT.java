package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class MutationIT {
  private static final int SAMPLES = Repetition.of(300);

  @TempDir
  Path directory;

  @Test
  void whatTheGateLetsThroughQemuImgUnderstandsInTheSameWay() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<byte[]> sound = new ArrayList<>(AllReaders.soundImages());
    sound.remove(1); // has a backing file that is not there
    Path image = directory.resolve("image.qcow2");
    int passed = 0;
    int refusedByQemuToo = 0;
    for (int i = 0; i < SAMPLES; i++) {
      Files.deleteIfExists(image);
      Files.write(image, Mutations.mutated(sound.get(i % sound.size()), random));
      String what = "seed " + seed + " round " + i;
      boolean understood = QemuSays.exitOf(command("info", image)) == 0;
      if (!passes(image)) {
        refusedByQemuToo += understood ? 0 : 1;
        continue;
      }
      passed++;
      assertThat(understood).as(what).isTrue();
      ImageInfo info = ImageInfo.read(image, ImageFormat.QCOW2);
      String said = Images.qemuImg("info", "-U", "-f", "qcow2", "--output=json", image);
      assertThat(QemuSays.parsed(said.substring(said.indexOf('{')))
              .path("virtual-size")
              .asLong())
          .as(what)
          .isEqualTo(info.sizeBytes());
      requireSameVerdictOfMap(image, info, what);
    }

    assertThat(passed).as("seed %s", seed).isBetween(SAMPLES / 20, SAMPLES - 1);
    assertThat(refusedByQemuToo).as("seed %s", seed).isPositive();
  }

  private static List<String> command(String verb, Path image) {
    return List.of("qemu-img", verb, "-f", "qcow2", "--output=json", image.toString());
  }

  private static boolean passes(Path image) {
    try {
      ImageGate.standard().allowingLuks().inspect(image, ImageFormat.QCOW2);
      return true;
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
      return false;
    }
  }

  private static void requireSameVerdictOfMap(Path image, ImageInfo info, String what) {
    if (info.luks().isPresent()) {
      return; // qemu-img wants the secret
    }
    List<QemuSays.Line> lines;
    try (ImageMap map = ImageMap.openLayer(image, ImageFormat.QCOW2)) {
      lines = QemuSays.linesOf(map);
    } catch (N0Exception e) {
      assertThat(e.code()).as(what).isEqualTo(N0Exception.Code.INVALID);
      return; // where QEMU reads zeros behind the end of a file we refuse
    }
    String said = Images.qemuImg("map", "-f", "qcow2", "--output=json", image);
    assertThat(lines).as(what).isEqualTo(QemuSays.linesOf(said.substring(said.indexOf('['))));
  }
}
