package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Settings;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images made to make the host open, leak or destroy something else. */
@Requires(Requirement.QEMU)
class AttackIT {
  @TempDir
  Path directory;

  @Test
  void everyAttackIsRefusedBeforeQemuImgRuns() throws IOException {
    Path pool = directory.resolve("pool");
    Path program = Images.counting(directory);
    Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(
        pool,
        new QemuImg(Settings.standard().withProgram(program.toString())),
        Duration.ofSeconds(30),
        StoragePlugin.CACHE_BYTES);
    Map<String, Path> attacks = attacks();

    attacks.forEach((name, image) -> {
      for (ImageSource source : new ImageSource[] {
        new ImageSource.Copy(image, ImageFormat.QCOW2),
        new ImageSource.Backing(image, ImageFormat.QCOW2)
      }) {
        ResourceId id = ResourceId.fresh("volume", "root");
        assertThatThrownBy(() -> driver.apply(new StandaloneContext(), id, VolumeSpec.from(source)))
            .as(name)
            .isInstanceOfSatisfying(
                N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
      }
    });

    assertThat(attacks).hasSizeGreaterThan(10);
    assertThat(directory.resolve("runs")).doesNotExist();
    assertThat(pool).doesNotExist();
    driver.apply(
        new StandaloneContext(),
        ResourceId.fresh("volume", "root"),
        new VolumeSpec(
            ImageFormat.RAW,
            Optional.empty(),
            Optional.of(new ImageSource.Copy(sound("sound"), ImageFormat.QCOW2))));
    assertThat(Files.readAllLines(directory.resolve("runs")))
        .as("the counter counts")
        .hasSize(1);
  }

  private Map<String, Path> attacks() throws IOException {
    Map<String, Path> attacks = new LinkedHashMap<>();
    attacks.put("backing file", overlay("leak", "/etc/passwd", "raw"));
    attacks.put("json: name", overlay("json", "json:{\"driver\":\"file\"}", "raw"));
    attacks.put("nbd: name", overlay("nbd", "nbd:localhost:10809", "raw"));
    Path data = directory.resolve("data.qcow2");
    Images.qemuImg(
        "create", "-q", "-f", "qcow2", "-o", "data_file=" + directory + "/d", data, "1M");
    attacks.put("data file", data);
    attacks.put("data file, bit cleared", patched(Files.copy(data, image("bit")), 79, 0));
    attacks.put("fake magic", Files.writeString(image("fake"), "KDMV" + "x".repeat(4096)));
    attacks.put("vmdk", vmdk());
    attacks.put("empty", Files.createFile(image("empty")));
    attacks.put("only a header", cut(sound("header"), 104));
    attacks.put("half a header", cut(sound("half"), 71));
    attacks.put("no tables", cut(sound("tables"), 65536));
    attacks.put("huge L1", patched(sound("l1"), 36, 0x7f));
    attacks.put("L1 outside the file", patched(sound("outside"), 40, 0x7f));
    attacks.put("negative size", patched(sound("size"), 24, 0x80));
    attacks.put("1 EiB", patched(sound("bomb"), 24, 0x10));
    attacks.put("snapshot bomb", patched(sound("snapshots"), 61, 1));
    attacks.put("unknown feature", patched(sound("feature"), 72, 0x80));
    attacks.put("link", Files.createSymbolicLink(image("link"), sound("target")));
    attacks.put("device", Path.of("/dev/zero"));
    Path one = overlay("one", image("two").toString(), "qcow2");
    attacks.put("loop", one);
    attacks.put("loop, other end", overlay("two", one.toString(), "qcow2"));
    return attacks;
  }

  private Path image(String name) {
    return directory.resolve(name + ".qcow2");
  }

  private Path sound(String name) {
    Images.qemuImg("create", "-q", "-f", "qcow2", image(name), "1M");
    return image(name);
  }

  private Path overlay(String name, String base, String format) {
    Images.qemuImg(
        "create", "-q", "-u", "-f", "qcow2", "-b", base, "-F", format, image(name), "1M");
    return image(name);
  }

  private Path vmdk() {
    Images.qemuImg("create", "-q", "-f", "vmdk", image("vmdk"), "1M");
    return image("vmdk");
  }

  private static Path cut(Path image, int length) throws IOException {
    return Files.write(image, Arrays.copyOf(Files.readAllBytes(image), length));
  }

  private static Path patched(Path image, int at, int value) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.seek(at);
      file.write(value);
    }
    return image;
  }
}
