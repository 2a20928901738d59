package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Shows one image to each reader, and demands that each reads it or refuses it as it should. */
final class AllReaders {
  private static final Path NOWHERE = Path.of("/nowhere.qcow2");
  private static final int MOST_RUNS = 20_000;

  private AllReaders() {}

  /** A reader of what is in memory. */
  @FunctionalInterface
  interface Reading {
    void run(MemoryFile file) throws IOException;
  }

  /** Sound images, made byte by byte, in which all kinds of tables occur. */
  static List<byte[]> soundImages() {
    return Stream.of(
            HandMade.image(),
            HandMade.withBacking("/images/base.qcow2"),
            HandMade.withSnapshots("one", "two", "three"),
            HandMade.withClusters(),
            HandMade.withBitmap("backup"),
            HandMade.withLuks(),
            HandMade.withSubclusters())
        .map(HandMade::bytes)
        .toList();
  }

  static void header(MemoryFile file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    assertThat(header.clusterBits()).isBetween(9, 21);
    assertThat(header.l1Size()).isBetween(0, 4 << 20);
  }

  static void snapshots(MemoryFile file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    assertThat(Qcow2Snapshot.list(file, header)).hasSize(header.snapshots().count());
  }

  static void bitmaps(MemoryFile file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    assertThat(Qcow2Bitmap.list(file, header))
        .hasSize(header.bitmapDirectory().map(Qcow2Extension.Bitmaps::count).orElse(0));
  }

  static void map(MemoryFile file) throws IOException {
    Qcow2Header header = Qcow2Header.read(file);
    Preallocation.isIn(file, header, 0);
    Qcow2Layer layer = new Qcow2Layer(file, header, FileWindow.BYTES);
    long at = 0;
    for (int i = 0; i < MOST_RUNS && at < header.sizeBytes(); i++) {
      LayerMap.Run run = layer.at(at);
      assertThat(run.start()).isEqualTo(at);
      assertThat(run.length()).isBetween(1L, header.sizeBytes() - at);
      at += run.length();
    }
  }

  static void gate(MemoryFile file) throws IOException {
    ImageGate gate = ImageGate.standard().allowingLuks();
    ImageGate.Inspected found = gate.qcow2(NOWHERE, file);
    // What passes whole and has no backing file passes by its beginning.
    ByteBuffer head = ImageFiles.read(file, 0, (int) file.size());
    if (found.header().flatMap(Qcow2Header::backingFile).isEmpty()) {
      assertThat(gate.inspectHead(head, ImageFormat.QCOW2))
          .isIn(ImageGate.HeadVerdict.PASSED, ImageGate.HeadVerdict.MORE_NEEDED);
    }
  }

  static void head(MemoryFile file) throws IOException {
    ByteBuffer head = ImageFiles.read(file, 0, (int) file.size());
    ImageGate.standard().inspectHead(head, ImageFormat.QCOW2);
  }

  /** Returns whether it was read; it must be refused as invalid if not. */
  static boolean accepts(byte[] bytes, Reading reading) throws IOException {
    try {
      reading.run(new MemoryFile(bytes));
      return true;
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
      assertThat(e).hasMessageContaining("must");
      return false;
    }
  }

  static List<Reading> all() {
    return List.of(
        AllReaders::header,
        AllReaders::snapshots,
        AllReaders::bitmaps,
        AllReaders::map,
        AllReaders::gate,
        AllReaders::head);
  }
}
