package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qcow2.Qcow2Compression;
import io.n0stack.n0core.storage.qemuimg.CheckResult.Verdict;
import io.n0stack.n0core.storage.qemuimg.NewImage.Feature;
import io.n0stack.n0core.storage.qemuimg.NewImage.Qcow2;
import io.n0stack.n0core.storage.qemuimg.NewImage.Raw;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each method with the real program. */
@Requires(Requirement.QEMU)
class QemuImgIT {
  private static final long MIB = 1 << 20;
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));

  @TempDir
  Path parent;

  private final QemuImg qemuImg = QemuImg.installed();
  private Path directory;

  @BeforeEach
  void oddDirectory() throws IOException {
    directory = Files.createDirectory(parent.resolve("-o a,b=c: json:{} 'x'"));
  }

  @Test
  void everyOptionOfAQcow2ImageArrives() throws IOException {
    Path image = path("disk");
    Qcow2 form = Qcow2.standard()
        .withClusterBytes(32 << 10)
        .withRefcountBits(8)
        .withFeatures(Set.of(Feature.LAZY_REFCOUNTS, Feature.EXTENDED_L2))
        .withCompression(Qcow2Compression.ZSTD)
        .withPreallocation(Preallocation.METADATA);

    qemuImg.create(image, form, 8 * MIB, MINUTE);

    JsonNode info = info(image);
    JsonNode data = info.at("/format-specific/data");
    assertThat(info.path("virtual-size").asLong()).isEqualTo(8 * MIB);
    assertThat(info.path("cluster-size").asLong()).isEqualTo(32 << 10);
    assertThat(data.path("refcount-bits").asInt()).isEqualTo(8);
    assertThat(data.path("lazy-refcounts").asBoolean()).isTrue();
    assertThat(data.path("extended-l2").asBoolean()).isTrue();
    assertThat(data.path("compression-type").asText()).isEqualTo("zstd");
    assertThat(Files.size(image)).as("metadata is there").isGreaterThan(8 * MIB);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(image)))
        .isEqualTo("rw-------");
    assertThat(qemuImg.check(ImageFile.qcow2(image), MINUTE).verdict()).isEqualTo(Verdict.CLEAN);
  }

  @Test
  void aRawImageIsSparseOrAllocatedAsAsked() throws IOException {
    for (Preallocation preallocation :
        List.of(Preallocation.OFF, Preallocation.FALLOC, Preallocation.FULL)) {
      Path image = path(preallocation.name());

      qemuImg.create(image, new Raw(preallocation), MIB, MINUTE);

      assertThat(Files.size(image)).isEqualTo(MIB);
      assertThat(info(image, "raw").path("actual-size").asLong())
          .isEqualTo(preallocation == Preallocation.OFF ? 4096 : MIB);
    }
  }

  @Test
  void nothingThatIsThereIsOverwrittenNotEvenThroughALink() throws IOException {
    Path victim = Files.writeString(path("victim"), "precious");
    Path link = Files.createSymbolicLink(path("link"), path("absent"));

    requireCode(N0Exception.Code.ALREADY_EXISTS, () -> create(victim));
    requireCode(N0Exception.Code.ALREADY_EXISTS, () -> create(link));
    requireCode(
        N0Exception.Code.ALREADY_EXISTS,
        () -> qemuImg.convert(
            ImageFile.raw(victim), link, Raw.sparse(), ConvertOptions.standard(), MINUTE));

    assertThat(victim).hasContent("precious");
    assertThat(path("absent")).doesNotExist();
  }

  @Test
  void aCopyHasTheContentInEveryFormAndItsProgressIsTold() throws IOException {
    ImageFile source = ImageFile.raw(random("source", 3 * MIB));
    List<Double> told = new ArrayList<>();
    List<NewImage> forms =
        List.of(Raw.sparse(), Qcow2.standard(), Qcow2.standard().withClusterBytes(512));
    for (ConvertOptions.Cache cache : ConvertOptions.Cache.values()) {
      for (NewImage form : forms) {
        Path target = path(cache + "-" + forms.indexOf(form));
        qemuImg.convert(
            source,
            target,
            form,
            ConvertOptions.standard().withCache(cache),
            MINUTE.reporting(told::add));

        Comparison same = qemuImg.compare(source, image(target, form), MINUTE);
        assertThat(same.verdict()).isEqualTo(Comparison.Verdict.SAME);
      }
    }
    assertThat(told).allMatch(fraction -> fraction >= 0 && fraction <= 1);
  }

  @Test
  void aCopyIsCompressedSparseOrOfASnapshotAsAsked() throws IOException {
    ImageFile source = overwritable("source", 4 * MIB);
    qemuImg.createSnapshot(source, "be,fore", MINUTE);
    fill(source, 0, 2 * MIB, 9);
    Path compressed = path("compressed");
    Path sparse = path("sparse");
    Path before = path("before");

    qemuImg.convert(
        source,
        compressed,
        Qcow2.standard().withCompression(Qcow2Compression.ZSTD),
        ConvertOptions.standard().withExtras(Set.of(ConvertOptions.Extra.COMPRESS)),
        MINUTE);
    qemuImg.convert(
        source, sparse, Raw.sparse(), ConvertOptions.standard().withSparseBytes(0), MINUTE);
    qemuImg.convert(
        source, before, Raw.sparse(), ConvertOptions.standard().withSnapshot("be,fore"), MINUTE);

    assertThat(Files.size(compressed)).isLessThan(MIB);
    assertThat(info(sparse, "raw").path("actual-size").asLong()).isEqualTo(4 * MIB);
    assertThat(Files.readAllBytes(before)).containsOnly(0);
    requireCode(
        N0Exception.Code.NOT_FOUND,
        () -> qemuImg.convert(
            source,
            path("none"),
            Raw.sparse(),
            ConvertOptions.standard().withSnapshot("none"),
            MINUTE));
    assertThat(path("none")).doesNotExist();
  }

  @Test
  void anImageGrowsAndShrinksOnlyByTheMethodForThat() throws IOException {
    for (ImageFile image :
        List.of(overwritable("disk", MIB), ImageFile.raw(random("disk.raw", MIB)))) {
      String format = image.format().driver;
      qemuImg.grow(image, 3 * MIB, Preallocation.FALLOC, MINUTE);
      assertThat(info(image.path(), format).path("virtual-size").asLong()).isEqualTo(3 * MIB);
      requireCode(
          N0Exception.Code.INVALID, () -> qemuImg.grow(image, MIB, Preallocation.OFF, MINUTE));
      qemuImg.shrink(image, MIB, MINUTE);
      assertThat(info(image.path(), format).path("virtual-size").asLong()).isEqualTo(MIB);
    }
  }

  @Test
  void snapshotsAreMadeListedAppliedAndDeleted() throws IOException {
    ImageFile disk = overwritable("disk", 4 * MIB);
    Instant start = Instant.now().minusSeconds(2);
    qemuImg.createSnapshot(disk, "-a be=fore, \"x\" ü", MINUTE);
    fill(disk, 0, MIB, 5);
    qemuImg.createSnapshot(disk, "after", MINUTE);

    List<InternalSnapshot> listed = qemuImg.snapshots(disk, MINUTE);
    qemuImg.applySnapshot(disk, "-a be=fore, \"x\" ü", MINUTE);
    qemuImg.deleteSnapshot(disk, "after", MINUTE);

    assertThat(listed)
        .extracting(InternalSnapshot::name)
        .containsExactly("-a be=fore, \"x\" ü", "after");
    assertThat(listed).extracting(InternalSnapshot::id).containsExactly("1", "2");
    assertThat(listed).allMatch(s -> s.created().isAfter(start) && s.vmStateBytes() == 0);
    assertThat(contents(disk)).containsOnly(0);
    assertThat(qemuImg.snapshots(disk, MINUTE)).hasSize(1);
    requireCode(N0Exception.Code.NOT_FOUND, () -> qemuImg.applySnapshot(disk, "none", MINUTE));
    requireCode(N0Exception.Code.NOT_FOUND, () -> qemuImg.deleteSnapshot(disk, "none", MINUTE));
    requireCode(N0Exception.Code.INVALID, () -> qemuImg.deleteSnapshot(disk, "1", MINUTE));
  }

  @Test
  void anOverlayIsRebasedCommittedAndFlattened() throws IOException {
    ImageFile base = overwritable("base", 2 * MIB);
    fill(base, 0, MIB, 1);
    ImageFile middle = overlay("middle", base);
    fill(middle, 0, 512 << 10, 2);
    ImageFile top = overlay("top", middle);
    fill(top, 0, 256 << 10, 3);
    byte[] seen = contents(top);

    qemuImg.rebase(top, base, MINUTE);
    assertThat(contents(top)).isEqualTo(seen);
    assertThat(info(top.path()).path("backing-filename").asText())
        .isEqualTo(base.path().toString());
    qemuImg.rebaseUnchecked(top, middle, MINUTE);
    assertThat(contents(top)).isEqualTo(seen);
    qemuImg.commit(top, MINUTE);
    assertThat(contents(middle)).isEqualTo(seen);
    qemuImg.commitInto(top, base.path(), MINUTE);
    assertThat(contents(base)).isEqualTo(seen);
    qemuImg.flatten(top, MINUTE);

    assertThat(info(top.path()).has("backing-filename")).isFalse();
    Files.delete(middle.path());
    Files.delete(base.path());
    assertThat(contents(top)).isEqualTo(seen);
    assertThat(qemuImg.check(top, MINUTE).verdict()).isEqualTo(Verdict.CLEAN);
  }

  @Test
  void aCheckTellsLeaksCorruptionAndWhatCannotBeChecked() throws IOException {
    ImageFile corrupt = overwritable("corrupt", MIB);
    fill(corrupt, 0, MIB, 7);
    poke(corrupt, 131072 + 5 * 2, 0); // the refcount of a cluster of data

    CheckResult wrong = qemuImg.check(corrupt, MINUTE);
    CheckResult repaired = qemuImg.repair(corrupt, Repair.ALL, MINUTE);

    assertThat(wrong.verdict()).isEqualTo(Verdict.CORRUPT);
    assertThat(wrong.corruptions()).isPositive();
    assertThat(repaired.corruptionsFixed()).isPositive();
    assertThat(qemuImg.check(corrupt, MINUTE).verdict()).isEqualTo(Verdict.CLEAN);
    assertThat(qemuImg.check(ImageFile.raw(random("raw", MIB)), MINUTE).verdict())
        .isEqualTo(Verdict.NOT_SUPPORTED);
    requireCode(
        N0Exception.Code.NOT_FOUND, () -> qemuImg.check(ImageFile.qcow2(path("absent")), MINUTE));
  }

  @Test
  void leaksAreFoundAndFreed() throws IOException {
    ImageFile leaky = overwritable("leaky", MIB);
    fill(leaky, 0, 64 << 10, 7);
    byte[] content = Files.readAllBytes(leaky.path());
    Files.write(leaky.path(), Arrays.copyOf(content, 16 << 16));
    poke(leaky, 131072 + 9 * 2 + 1, 1); // the refcount of a cluster that nothing refers to

    CheckResult before = qemuImg.check(leaky, MINUTE);
    CheckResult repaired = qemuImg.repair(leaky, Repair.LEAKS, MINUTE);

    assertThat(before.verdict()).isEqualTo(Verdict.LEAKS);
    assertThat(before.leaks()).isEqualTo(1);
    assertThat(repaired.leaksFixed()).isEqualTo(1);
    assertThat(qemuImg.check(leaky, MINUTE).verdict()).isEqualTo(Verdict.CLEAN);
  }

  @Test
  void spaceIsMeasured() throws IOException {
    ImageFile source = overwritable("source", 4 * MIB);
    fill(source, 0, MIB, 7);
    qemuImg.addBitmap(source, "backup", 65536, MINUTE);

    Measurement empty = qemuImg.measure(4 * MIB, Raw.sparse(), MINUTE);
    Measurement copy = qemuImg.measure(source, Qcow2.standard(), MINUTE);

    assertThat(empty).isEqualTo(new Measurement(4 * MIB, 4 * MIB, OptionalLong.empty()));
    assertThat(copy.requiredBytes()).isBetween(MIB, 2 * MIB);
    assertThat(copy.fullyAllocatedBytes()).isGreaterThan(4 * MIB);
    assertThat(copy.bitmapsBytes()).isPresent();
  }

  @Test
  void theFirstDifferenceIsTold() throws IOException {
    ImageFile one = overwritable("one", 2 * MIB);
    ImageFile other = overwritable("other", MIB);
    assertThat(qemuImg.compare(one, other, MINUTE).verdict()).isEqualTo(Comparison.Verdict.SAME);

    fill(other, 65536, 512, 1);

    assertThat(qemuImg.compare(one, other, MINUTE))
        .isEqualTo(new Comparison(Comparison.Verdict.DIFFERENT, OptionalLong.of(65536)));
    requireCode(
        N0Exception.Code.INVALID,
        () -> qemuImg.compare(one, ImageFile.qcow2(random("raw", MIB)), MINUTE));
  }

  @Test
  void bitmapsAreAddedChangedMergedAndRemoved() throws IOException {
    ImageFile disk = overwritable("disk", MIB);
    ImageFile other = overwritable("other", MIB);
    qemuImg.addBitmap(disk, "-a, b", 131072, MINUTE);
    qemuImg.addBitmap(disk, "b", 65536, MINUTE);
    qemuImg.addBitmap(other, "c", 65536, MINUTE);

    qemuImg.changeBitmap(disk, "-a, b", BitmapChange.DISABLE, MINUTE);
    JsonNode disabled = info(disk.path()).at("/format-specific/data/bitmaps");
    qemuImg.changeBitmap(disk, "-a, b", BitmapChange.ENABLE, MINUTE);
    fill(disk, 0, 512, 1);
    qemuImg.mergeBitmap(disk, "-a, b", "b", MINUTE);
    qemuImg.mergeBitmap(other, "c", disk, "b", MINUTE);
    qemuImg.changeBitmap(disk, "b", BitmapChange.CLEAR, MINUTE);
    qemuImg.changeBitmap(disk, "b", BitmapChange.REMOVE, MINUTE);

    assertThat(disabled.findValuesAsText("name")).containsExactlyInAnyOrder("-a, b", "b");
    assertThat(disabled.toString()).contains("131072", "65536", "\"flags\":[]", "[\"auto\"]");
    JsonNode left = info(disk.path()).at("/format-specific/data/bitmaps");
    assertThat(left.findValuesAsText("name")).containsExactly("-a, b");
    requireCode(
        N0Exception.Code.ALREADY_EXISTS, () -> qemuImg.addBitmap(disk, "-a, b", 65536, MINUTE));
    requireCode(
        N0Exception.Code.NOT_FOUND,
        () -> qemuImg.changeBitmap(disk, "b", BitmapChange.CLEAR, MINUTE));
    requireCode(N0Exception.Code.NOT_FOUND, () -> qemuImg.mergeBitmap(disk, "b", "-a, b", MINUTE));
  }

  @Test
  void aCopyTakesTheBitmapsAlong() throws IOException {
    ImageFile disk = overwritable("disk", MIB);
    qemuImg.addBitmap(disk, "backup", 65536, MINUTE);

    qemuImg.convert(
        disk,
        path("copy"),
        Qcow2.standard(),
        ConvertOptions.standard().withExtras(Set.of(ConvertOptions.Extra.BITMAPS)),
        MINUTE);

    assertThat(info(path("copy")).at("/format-specific/data/bitmaps").findValuesAsText("name"))
        .containsExactly("backup");
  }

  @Test
  void whatQemuImgSaysBecomesACode() throws IOException {
    Path text = Files.writeString(path("No space left on device"), "x".repeat(4096));
    ImageFile disk = overwritable("disk", MIB);
    Process holder = new ProcessBuilder("qemu-io", "-f", "qcow2", disk.path().toString())
        .redirectErrorStream(true)
        .start();
    try {
      assertThat(holder.getInputStream().read()).isPositive();
      requireCode(
          N0Exception.Code.BUSY, () -> qemuImg.grow(disk, 2 * MIB, Preallocation.OFF, MINUTE));
      requireCode(N0Exception.Code.BUSY, () -> qemuImg.check(disk, MINUTE));
    } finally {
      holder.destroyForcibly().onExit().join();
    }

    requireCode(N0Exception.Code.INVALID, () -> qemuImg.check(ImageFile.qcow2(text), MINUTE));
    requireCode(
        N0Exception.Code.NOT_FOUND,
        () -> qemuImg.createOverlay(
            path("overlay"), Qcow2.standard(), ImageFile.qcow2(path("absent")), MIB, MINUTE));
    requireCode(
        N0Exception.Code.NOT_FOUND,
        () -> qemuImg.create(Path.of("/absent/disk"), Qcow2.standard(), MIB, MINUTE));
  }

  @Test
  @Requires(Requirement.ROOT)
  void whatBelongsToOthersIsOpenedOnlyIfAskedFor() throws IOException {
    Path others = Files.createDirectory(path("others"));
    Files.setPosixFilePermissions(others, PosixFilePermissions.fromString("rwx------"));
    Files.setAttribute(others, "unix:uid", 65534);
    Path image = others.resolve("disk");

    requireCode(N0Exception.Code.PERMISSION, () -> create(image));
    new QemuImg(Settings.standard().withAccess(Settings.Access.ANY_FILES))
        .create(image, Raw.sparse(), MIB, MINUTE);

    assertThat(Files.size(image)).isEqualTo(MIB);
  }

  private ImageFile overwritable(String name, long size) {
    qemuImg.create(path(name), Qcow2.standard(), size, MINUTE);
    return ImageFile.qcow2(path(name));
  }

  private ImageFile overlay(String name, ImageFile backing) {
    qemuImg.createOverlay(path(name), Qcow2.standard(), backing, 2 * MIB, MINUTE);
    return ImageFile.qcow2(path(name));
  }

  private void create(Path image) {
    qemuImg.create(image, Raw.sparse(), MIB, MINUTE);
  }

  private Path path(String name) {
    return directory.resolve(name);
  }

  private Path random(String name, long size) throws IOException {
    byte[] content = new byte[(int) size];
    new Random(7).nextBytes(content);
    return Files.write(path(name), content);
  }

  private static ImageFile image(Path path, NewImage form) {
    return form instanceof Raw ? ImageFile.raw(path) : ImageFile.qcow2(path);
  }

  private static void fill(ImageFile image, long at, long length, int pattern) {
    Images.run(List.of(
        "qemu-io",
        "-f",
        image.format().driver,
        "-c",
        "write -P " + pattern + " " + at + " " + length,
        image.path().toString()));
  }

  private byte[] contents(ImageFile image) throws IOException {
    Path raw = Files.createTempDirectory(directory, "raw").resolve("raw");
    qemuImg.convert(image, raw, Raw.sparse(), ConvertOptions.standard(), MINUTE);
    return Files.readAllBytes(raw);
  }

  private static void poke(ImageFile image, long at, int value) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.path().toFile(), "rw")) {
      file.seek(at);
      file.write(value);
      if (value == 0) {
        file.write(0);
      }
    }
  }

  private static JsonNode info(Path image) throws IOException {
    return info(image, "qcow2");
  }

  private static JsonNode info(Path image, String format) throws IOException {
    return new ObjectMapper()
        .readTree(Images.qemuImg("info", "--output=json", "-f", format, image));
  }

  private static void requireCode(N0Exception.Code code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).as(e.getMessage()).isEqualTo(code));
  }
}
