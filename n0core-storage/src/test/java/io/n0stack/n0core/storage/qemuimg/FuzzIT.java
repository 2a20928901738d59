package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qemuimg.NewImage.Qcow2;
import io.n0stack.n0core.storage.qemuimg.NewImage.Raw;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names made of what qemu-img reads as syntax. */
@Requires(Requirement.QEMU)
class FuzzIT {
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));
  private static final List<String> PIECES = List.of(
      ",",
      ",,",
      "=",
      ":",
      "-",
      "--",
      " ",
      "-o",
      "json:",
      "nbd:",
      "{",
      "}",
      "\"",
      "'",
      "\\",
      "%s",
      "$x",
      "`",
      "*",
      "?",
      "[",
      "#",
      "|",
      ";",
      "&",
      "ü",
      "日",
      "😀",
      "data_file",
      "file.filename",
      "fat:rw:",
      "driver",
      "\n",
      "\t",
      "\u007f",
      "a",
      "@",
      "snapshot.name",
      "on",
      "help",
      "?",
      "backing");

  @TempDir
  Path directory;

  private final QemuImg qemuImg = QemuImg.installed();

  @Test
  void aNameIsTakenAsItIsOrRefusedAndNothingElseIsTouched() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int taken = 0;
    for (int i = 0; i < Repetition.of(60); i++) {
      Path work = Files.createDirectory(directory.resolve("work"));
      String name = word(random);
      String label = word(random);
      try {
        use(work.resolve(name), work.resolve("x" + name), label);
        taken++;
        assertThat(Images.tree(work)).as("seed %s name %s", seed, name).hasSize(3);
      } catch (InvalidPathException e) {
        assertThat(Images.tree(work)).isEmpty();
      } catch (N0Exception e) {
        assertThat(e.code()).as("seed %s: %s", seed, e).isEqualTo(N0Exception.Code.INVALID);
        assertThat(e).isNotInstanceOf(QemuImgException.class);
      }
      delete(work);
    }
    assertThat(taken).isPositive();
  }

  private void use(Path disk, Path overlay, String label) throws IOException {
    ImageFile image = ImageFile.qcow2(disk);
    qemuImg.create(disk, Qcow2.standard(), 65536, MINUTE);
    assertThat(disk).isRegularFile();
    qemuImg.createOverlay(overlay, Qcow2.standard(), image, 131072, MINUTE);
    assertThat(Qcow2Header.read(overlay).backingFile()).contains(disk.toString());
    Path raw = disk.resolveSibling("raw");
    qemuImg.convert(ImageFile.qcow2(overlay), raw, Raw.sparse(), ConvertOptions.standard(), MINUTE);
    assertThat(Files.size(raw)).isEqualTo(131072);
    qemuImg.createSnapshot(image, label, MINUTE);
    assertThat(Qcow2Header.snapshotNames(disk)).containsExactly(label);
    qemuImg.addBitmap(image, label, 65536, MINUTE);
    qemuImg.changeBitmap(image, label, BitmapChange.REMOVE, MINUTE);
    qemuImg.deleteSnapshot(image, label, MINUTE);
    assertThat(Qcow2Header.snapshotNames(disk)).isEmpty();
  }

  private static void delete(Path work) throws IOException {
    try (Stream<Path> files = Files.walk(work)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static String word(Random random) {
    StringBuilder word = new StringBuilder();
    for (int i = 1 + random.nextInt(6); i > 0; i--) {
      word.append(PIECES.get(random.nextInt(PIECES.size())));
    }
    return word.toString();
  }
}
