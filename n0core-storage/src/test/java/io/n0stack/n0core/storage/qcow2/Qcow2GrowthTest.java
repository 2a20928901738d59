package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class Qcow2GrowthTest {
  private static final long MIB = 1 << 20;
  private static final long GIB = 1 << 30;

  @TempDir
  Path directory;

  @Test
  void aGrownImageIsSoundAndOnlyItsSizeAndTableChange() throws IOException {
    Path image = made(Qcow2Options.of(GIB));
    byte[] before = Files.readAllBytes(image);

    List<RecordingChannel.Step> steps = grown(image, Qcow2Growth.to(4L << 40));

    Qcow2Header header = Qcow2Header.read(image);
    assertThat(header.sizeBytes()).isEqualTo(4L << 40);
    assertThat(header.l1Size()).isEqualTo(8192);
    PlainCheck.check(image);
    assertThat(steps).hasSize(4);
    byte[] after = Files.readAllBytes(image);
    assertThat(Arrays.mismatch(before, after)).isBetween(24, 31);
    assertThat(Arrays.mismatch(
            Arrays.copyOfRange(before, 40, before.length),
            Arrays.copyOfRange(after, 40, after.length)))
        .isEqualTo(before.length - 40);
  }

  @Test
  void aGrowthWithinTheTableIsOneWriteOfSixteenBytes() throws IOException {
    List<RecordingChannel.Step> steps =
        grown(made(Qcow2Options.of(GIB - 512)), Qcow2Growth.to(GIB));

    assertThat(steps).hasSize(2);
    assertThat(steps.get(0).at()).isEqualTo(24);
    assertThat(steps.get(0).bytes()).hasSize(16);
    assertThat(steps.get(1).isSync()).isTrue();
  }

  @Test
  void theSameSizeWritesNothingWhateverTheImageIs() throws IOException {
    Path image = patched(bytes -> bytes.putLong(72, 1));

    assertThat(grown(image, Qcow2Growth.to(MIB))).isEmpty();
  }

  static Stream<Arguments> obstacles() {
    return Stream.of(
        obstacle("version 2", bytes -> bytes.putInt(4, 2)),
        obstacle("stale", bytes -> bytes.putLong(72, 1)),
        obstacle("corrupt", bytes -> bytes.putLong(72, 2)),
        obstacle("another file", bytes -> bytes.putLong(72, 4)),
        obstacle("another file", bytes -> HandMade.extension(bytes, 104, 0x44415441, "/data")),
        obstacle("not known", bytes -> bytes.putLong(72, 32)),
        obstacle("not known", bytes -> bytes.putLong(88, 1)),
        obstacle("encrypted", bytes -> bytes.putInt(32, 2)),
        obstacle("bitmaps", bytes -> HandMade.extension(bytes, 104, 0x23852875, "x".repeat(24))),
        obstacle("0x12345678", bytes -> HandMade.extension(bytes, 104, 0x12345678, "any")),
        obstacle("not stated", bytes -> HandMade.withBacking("/base")),
        obstacle("room for 0", bytes -> bytes.putLong(24, 0).putInt(36, 0)),
        obstacle("behind its end", bytes -> bytes.putInt(36, 64).putLong(2 * 512 + 40 * 8, 1)),
        obstacle(
            "how large its disk is",
            bytes -> HandMade.withSnapshots("one").putInt(HandMade.SNAPSHOTS + 36, 8)),
        obstacle(
            "memory", bytes -> HandMade.withSnapshots("one").putInt(HandMade.SNAPSHOTS + 32, 1)),
        obstacle(
            "memory", bytes -> HandMade.withSnapshots("one").putLong(HandMade.SNAPSHOTS + 40, 1)));
  }

  private static Arguments obstacle(String reason, UnaryOperator<ByteBuffer> change) {
    return Arguments.of(reason, change);
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource("obstacles")
  void whatIsNotPlainIsRefusedUnchanged(String reason, UnaryOperator<ByteBuffer> change)
      throws IOException {
    Path image = patched(change);
    byte[] before = Files.readAllBytes(image);
    Qcow2Growth growth = Qcow2Growth.to(2 * MIB);

    try (FileChannel file = open(image)) {
      assertThat(growth.obstacle(file)).get().asString().contains(reason);
      assertThatThrownBy(() -> growth.apply(file))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED))
          .hasMessageContaining(reason);
    }

    assertThat(image).hasBinaryContent(before);
  }

  @Test
  void plainImagesAndThoseWithPlainSnapshotsHaveNoObstacle() throws IOException {
    for (ByteBuffer plain : List.of(HandMade.image(), HandMade.withSnapshots("one", "two"))) {
      Path image = patched(bytes -> plain);

      try (FileChannel file = open(image)) {
        assertThat(Qcow2Growth.to(2 * MIB).obstacle(file)).isEmpty();
        assertThat(Qcow2Growth.to(2 * MIB + 512).obstacle(file))
            .contains("its L1 table has room for 64 entries, not 65");
      }
    }
  }

  @Test
  void theBackingFileMustNotShowInTheNewPart() throws IOException {
    Path image = made(
        Qcow2Options.builder(GIB).backing(Path.of("/base.raw"), ImageFormat.RAW).build());
    try (FileChannel file = open(image)) {
      Qcow2Growth growth = Qcow2Growth.to(2 * GIB);

      assertThat(growth.obstacle(file)).get().asString().contains("not stated");
      assertThat(growth.withBackingSizeBytes(GIB + 512).obstacle(file))
          .get()
          .asString()
          .contains("would show");
      assertThat(growth.withBackingSizeBytes(GIB).obstacle(file)).isEmpty();
    }
  }

  @Test
  void sizesThatNoImageCanHaveAreRefusedByField() throws IOException {
    requireInvalid("sizeBytes", () -> Qcow2Growth.to(-512));
    requireInvalid("sizeBytes", () -> Qcow2Growth.to(513));
    requireInvalid("backingSizeBytes", () -> Qcow2Growth.to(512).withBackingSizeBytes(1));
    try (FileChannel file = open(made(Qcow2Options.of(MIB)))) {
      requireInvalid("sizeBytes", () -> Qcow2Growth.to(MIB - 512).obstacle(file));
      requireInvalid("sizeBytes", () -> Qcow2Growth.to(MIB - 512).apply(file));
      requireInvalid("sizeBytes", () -> Qcow2Growth.to((2L << 50) + 512).obstacle(file));
      assertThat(Qcow2Growth.to(2L << 50).obstacle(file)).get().asString().contains("room");
    }
  }

  @Test
  void aFailureIsThrownAndLeavesTheOldSizeOrTheNew() throws IOException {
    for (int step = 0; step < 4; step++) {
      Path image = directory.resolve("failing" + step);
      Qcow2Creator.create(image, Qcow2Options.of(GIB));
      try (RecordingChannel file = new RecordingChannel(open(image)).failingAt(step)) {
        assertThatThrownBy(() -> Qcow2Growth.to(3L << 40).apply(file))
            .isInstanceOf(IOException.class);
      }
      if (step != 2) { // A sector is not written by halves, but this channel does.
        assertThat(Qcow2Header.read(image).sizeBytes()).isEqualTo(step < 2 ? GIB : 3L << 40);
        PlainCheck.check(image);
      }
    }
  }

  @Test
  void eachCrashLeavesASoundImageOfTheOldSizeOrTheNew() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Path crashed = directory.resolve("crashed");
    int count = 0;
    for (Path image : dirtyBehindTheirTables(random)) {
      byte[] before = Files.readAllBytes(image);
      long old = Qcow2Header.read(image).sizeBytes();
      List<RecordingChannel.Step> steps = grown(image, Qcow2Growth.to(largest(image)));

      List<byte[]> states = CrashStates.of(before, steps, random);

      count += states.size();
      for (byte[] state : states) {
        Files.deleteIfExists(crashed);
        Files.write(crashed, state);
        assertThat(Qcow2Header.read(crashed).sizeBytes())
            .as("seed %s", seed)
            .isIn(old, largest(image));
        PlainCheck.check(crashed);
      }
      PlainCheck.check(image);
    }
    assertThat(count).as("states, seed %s", seed).isGreaterThan(100);
  }

  /** Makes images whose L1 clusters hold what is no table behind the table. */
  private List<Path> dirtyBehindTheirTables(Random random) throws IOException {
    Path small = directory.resolve("dirty-512");
    Path middle = directory.resolve("dirty-4096");
    Path large = directory.resolve("dirty-65536");
    Qcow2Creator.create(small, Qcow2Options.builder(MIB).clusterSizeBytes(512).build());
    Qcow2Creator.create(
        middle,
        Qcow2Options.builder(33 * MIB).clusterSizeBytes(4096).refcountBits(1).build());
    Qcow2Creator.create(large, Qcow2Options.of(3000 * GIB));
    for (Path image : List.of(small, middle, large)) {
      Qcow2Header header = Qcow2Header.read(image);
      int cluster = header.clusterSizeBytes();
      byte[] garbage = new byte[(int) (cluster - header.l1Size() * 8L % cluster)];
      random.nextBytes(garbage);
      Files.write(image, garbage, StandardOpenOption.APPEND);
      assertThat(Files.size(image) % cluster).isZero();
    }
    return List.of(small, middle, large);
  }

  private static long largest(Path image) {
    Qcow2Header header = Qcow2Header.read(image);
    long entries = Math.max(
            1, (header.l1Size() * 8L + header.clusterSizeBytes() - 1) / header.clusterSizeBytes())
        * header.clusterSizeBytes()
        / 8;
    return entries << (2 * header.clusterBits() - 3);
  }

  @Test
  void aRandomImageIsRefusedOrGrownSoundly() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int grown = 0;
    for (int i = 0; i < 600; i++) {
      Path image = directory.resolve("random");
      Files.deleteIfExists(image);
      if (!AnyOptions.tried(random, image) || Qcow2Header.read(image).l1Size() > 100_000) {
        continue;
      }
      Qcow2Header header = Qcow2Header.read(image);
      long size =
          header.sizeBytes() + (random.nextLong() >>> (20 + random.nextInt(30))) / 512 * 512;
      try (FileChannel file = open(image)) {
        Qcow2Growth growth = Qcow2Growth.to(size).withBackingSizeBytes(header.sizeBytes());
        Optional<String> obstacle = growth.obstacle(file);
        if (obstacle.isEmpty()) {
          growth.apply(file);
          grown++;
        }
        assertThat(Qcow2Header.read(image).sizeBytes())
            .isEqualTo(obstacle.isEmpty() ? size : header.sizeBytes());
      } catch (N0Exception e) {
        assertThat(e).as("seed %s round %s", seed, i).hasMessageContaining("sizeBytes");
      }
      PlainCheck.check(image);
    }

    assertThat(grown).as("seed %s", seed).isPositive();
  }

  private Path made(Qcow2Options options) throws IOException {
    Path image = directory.resolve("image.qcow2");
    Qcow2Creator.create(image, options);
    return image;
  }

  private Path patched(UnaryOperator<ByteBuffer> change) throws IOException {
    return Files.write(
        directory.resolve("patched.qcow2"), HandMade.bytes(change.apply(HandMade.image())));
  }

  private static List<RecordingChannel.Step> grown(Path image, Qcow2Growth growth)
      throws IOException {
    try (RecordingChannel file = new RecordingChannel(open(image))) {
      assertThat(growth.obstacle(file)).isEmpty();
      assertThat(file.steps()).isEmpty();
      growth.apply(file);
      return file.steps();
    }
  }

  private static FileChannel open(Path image) throws IOException {
    return FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  private static void requireInvalid(
      String field, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOfSatisfying(N0Exception.class, e -> {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
      assertThat(e.subject()).isEqualTo(field);
    });
  }
}
