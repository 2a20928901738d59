package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qemuimg.NewImage.Qcow2;
import io.n0stack.n0core.storage.qemuimg.NewImage.Raw;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class FullDiskIT {
  private static final long MIB = 1 << 20;
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));

  @TempDir
  Path directory;

  private final QemuImg qemuImg = QemuImg.installed();
  private Path small;
  private ImageFile large;

  @BeforeEach
  void mount() throws IOException {
    small = Files.createDirectory(directory.resolve("small"));
    Images.run(List.of("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small.toString()));
    byte[] content = new byte[4 << 20];
    new Random(7).nextBytes(content);
    large = ImageFile.raw(Files.write(directory.resolve("large"), content));
  }

  @AfterEach
  void unmount() {
    Images.run(List.of("umount", small.toString()));
  }

  @Test
  void spaceThatRunsOutIsSaidAndWhatWasMadeIsUnlinked() throws IOException {
    Path target = small.resolve("target");

    exhausted(
        () -> qemuImg.convert(large, target, Raw.sparse(), ConvertOptions.standard(), MINUTE));
    exhausted(
        () -> qemuImg.convert(large, target, Qcow2.standard(), ConvertOptions.standard(), MINUTE));
    exhausted(() -> qemuImg.create(target, new Raw(Preallocation.FALLOC), 4 * MIB, MINUTE));
    exhausted(() -> qemuImg.create(target, new Raw(Preallocation.FULL), 4 * MIB, MINUTE));
    Path vdi = directory.resolve("vdi");
    Images.qemuImg("convert", "-f", "raw", "-O", "vdi", large.path(), vdi);
    Files.setPosixFilePermissions(vdi, PosixFilePermissions.fromString("rw-r--r--"));
    exhausted(() -> qemuImg.convertForeign(
        new ForeignImage(vdi, ForeignImage.Format.VDI),
        target,
        Raw.sparse(),
        ConvertOptions.standard(),
        MINUTE));

    assertThat(small).isEmptyDirectory();
  }

  @Test
  void anImageSurvivesThatThereIsNoSpaceToCopyIntoIt() throws IOException {
    Path base = directory.resolve("base");
    qemuImg.convert(large, base, Qcow2.standard(), ConvertOptions.standard(), MINUTE);
    ImageFile overlay = ImageFile.qcow2(small.resolve("overlay"));
    qemuImg.createOverlay(overlay.path(), Qcow2.standard(), ImageFile.qcow2(base), 4 * MIB, MINUTE);

    exhausted(() -> qemuImg.flatten(overlay, MINUTE));

    assertThat(qemuImg.compare(large, overlay, MINUTE).verdict())
        .isEqualTo(Comparison.Verdict.SAME);
    assertThat(qemuImg.check(overlay, MINUTE).corruptions()).isZero();
  }

  private static void exhausted(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            QemuImgException.class,
            e -> assertThat(e.code()).as(e.getMessage()).isEqualTo(N0Exception.Code.EXHAUSTED));
  }
}
