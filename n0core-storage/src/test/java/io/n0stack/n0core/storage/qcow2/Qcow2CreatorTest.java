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
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Qcow2CreatorTest {
  private static final int ROUNDS = 3000;
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  @Test
  void anImageIsWrittenAsAsked() throws IOException {
    Path image = directory.resolve("root.qcow2");

    Qcow2Creator.create(
        image,
        Qcow2Options.builder(10L << 30)
            .clusterSizeBytes(32 << 10)
            .refcountBits(4)
            .with(Qcow2Options.Feature.LAZY_REFCOUNTS)
            .with(Qcow2Options.Feature.EXTENDED_L2)
            .compression(Qcow2Compression.ZSTD)
            .backing(Path.of("/images/base é, 1.qcow2"), ImageFormat.QCOW2)
            .build());

    Qcow2Header header = Qcow2Header.read(image);
    assertThat(header.version()).isEqualTo(3);
    assertThat(header.sizeBytes()).isEqualTo(10L << 30);
    assertThat(header.clusterSizeBytes()).isEqualTo(32 << 10);
    assertThat(header.refcountBits()).isEqualTo(4);
    assertThat(header.encryption()).isZero();
    assertThat(header.features()).isEqualTo(new Qcow2Header.Features(8 | 16, 1, 0));
    assertThat(header.backingFile()).contains("/images/base é, 1.qcow2");
    assertThat(header.backingFormat()).contains("qcow2");
    assertThat(Files.getPosixFilePermissions(image))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    PlainCheck.check(image);
  }

  @Test
  void anyOptionsAreRefusedOrMakeASoundImage() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
      try {
        refused += AnyOptions.tried(random, directory.resolve("any.qcow2")) ? 0 : 1;
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed + " round " + i, e);
      }
    }

    assertThat(refused).as("seed %s", seed).isBetween(1, ROUNDS - 1);
  }

  @Test
  void aUsualImageTakesFourWritesAndFourBlocks() throws IOException {
    Path image = directory.resolve("root.qcow2");
    List<RecordingChannel.Step> steps = written(image, Qcow2Options.of(10L << 30));

    assertThat(steps).hasSize(4);
    assertThat(steps).allMatch(step -> step.bytes().length <= 4096);
    assertThat(written(directory.resolve("small"), small())).hasSize(2);
  }

  @Test
  void nothingIsAnImageBeforeTheLastWrite() throws IOException {
    for (Qcow2Options options : List.of(Qcow2Options.of(10L << 30), small())) {
      List<RecordingChannel.Step> steps = written(directory.resolve("whole"), options);
      Path part = directory.resolve("part");
      for (int prefix = 0; prefix < steps.size(); prefix++) {
        try (FileChannel file =
            FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
          for (RecordingChannel.Step step : steps.subList(0, prefix)) {
            file.write(ByteBuffer.wrap(step.bytes()), step.at());
          }
        }
        assertThatThrownBy(() -> Qcow2Header.read(part)).hasMessageContaining("must");
        Files.delete(part);
      }
      PlainCheck.check(directory.resolve("whole"));
      Files.delete(directory.resolve("whole"));
    }
  }

  @Test
  void shortWritesAreContinuedAndFailuresAreThrown() throws IOException {
    Path image = directory.resolve("short");
    try (FileChannel file = open(image)) {
      Qcow2Creator.write(new RecordingChannel(file).takingAtMost(7), small());
    }
    PlainCheck.check(image);

    for (int step = 0; step < 2; step++) {
      Path half = directory.resolve("half" + step);
      try (RecordingChannel file = new RecordingChannel(open(half)).failingAt(step)) {
        assertThatThrownBy(() -> Qcow2Creator.write(file, small())).isInstanceOf(IOException.class);
      }
    }
  }

  @Test
  void aFileThatIsNotEmptyIsRefusedUnchanged() throws IOException {
    Path image = Files.writeString(directory.resolve("used"), "x");
    try (FileChannel file = FileChannel.open(image, StandardOpenOption.WRITE)) {
      requireCode(N0Exception.Code.INVALID, () -> Qcow2Creator.write(file, small()));
    }

    assertThat(image).hasContent("x");
  }

  @Test
  void aFileOpenForAppendingIsNotTakenForWritten() throws IOException {
    Path image = directory.resolve("appended");
    try (FileChannel file =
        FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.APPEND)) {
      requireCode(
          N0Exception.Code.PRECONDITION,
          () -> Qcow2Creator.write(file, Qcow2Options.of(10L << 30)));
    }
  }

  @Test
  void whatIsThereIsNeitherReplacedNorFollowed() throws IOException {
    Path there = Files.writeString(directory.resolve("there"), "x");
    Path link = Files.createSymbolicLink(directory.resolve("link"), directory.resolve("target"));

    requireCode(N0Exception.Code.ALREADY_EXISTS, () -> Qcow2Creator.create(there, small()));
    requireCode(N0Exception.Code.ALREADY_EXISTS, () -> Qcow2Creator.create(link, small()));
    requireCode(
        N0Exception.Code.NOT_FOUND,
        () -> Qcow2Creator.create(directory.resolve("no/image"), small()));
    requireCode(N0Exception.Code.INVALID, () -> Qcow2Creator.create(Path.of("relative"), small()));
    Path self = directory.resolve("self");
    requireCode(
        N0Exception.Code.INVALID,
        () -> Qcow2Creator.create(
            self, Qcow2Options.builder(MIB).backing(self, ImageFormat.QCOW2).build()));

    assertThat(there).hasContent("x");
    assertThat(directory.resolve("target")).doesNotExist();
    assertThat(self).doesNotExist();
  }

  @Test
  void anInterruptedThreadLeavesNoFile() {
    Path image = directory.resolve("interrupted");
    Thread.currentThread().interrupt();

    requireCode(N0Exception.Code.CANCELLED, () -> Qcow2Creator.create(image, small()));

    assertThat(Thread.interrupted()).isTrue();
    assertThat(image).doesNotExist();
  }

  private static Qcow2Options small() {
    return Qcow2Options.builder(MIB).clusterSizeBytes(512).build();
  }

  private static List<RecordingChannel.Step> written(Path image, Qcow2Options options)
      throws IOException {
    try (RecordingChannel file = new RecordingChannel(open(image))) {
      Qcow2Creator.write(file, options);
      return file.steps();
    }
  }

  private static FileChannel open(Path image) throws IOException {
    return FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  private static void requireCode(
      N0Exception.Code code, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }
}
