package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.ImageGate.HeadVerdict.MORE_NEEDED;
import static io.n0stack.n0core.storage.qcow2.ImageGate.HeadVerdict.PASSED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class ImageHeadTest {
  private static final ImageGate GATE = ImageGate.standard();

  @Test
  void aHeadIsDecidedAsSoonAsItCanBe() {
    requireRefusedFrom(4, "image.magic", HandMade.image().putInt(0, 0));
    requireRefusedFrom(8, "image.version", HandMade.image().putInt(4, 4));
    requireRefusedFrom(72, "image.clusterBits", HandMade.image().putInt(20, 8));
    requireRefusedFrom(104, "image.backingFile", HandMade.withBacking("/etc/passwd"));
    requireRefusedFrom(104, "image.dataFile", HandMade.image().putLong(72, 4));
    requireRefusedFrom(104, "image.incompatibleFeatures", HandMade.image().putLong(72, 2));
    requireRefusedFrom(104, "image.incompatibleFeatures", HandMade.image().putLong(72, 32));
    requireRefusedFrom(104, "image.encryption", HandMade.image().putInt(32, 2));
    requireRefusedFrom(104, "image.size", HandMade.image().putLong(24, 1000));
    requireRefusedFrom(104, "image.l1Size", HandMade.image().putInt(36, 1));
    requireRefusedFrom(
        104, "image.tables", HandMade.image().putLong(48, 2 * 512).putInt(104, 0), 112);
    requireRefusedFrom(
        104, "image.dataFile", HandMade.extension(HandMade.image(), 104, 0x44415441, "/x"), 128);
  }

  @Test
  void aHeadOfVersionTwoIsDecidedWithItsShorterHeader() {
    ByteBuffer bytes = HandMade.image().putInt(4, 2).putInt(96, 0).putInt(100, 0);

    assertThat(GATE.inspectHead(bytes.slice(0, 72), ImageFormat.QCOW2)).isEqualTo(MORE_NEEDED);
    assertThat(GATE.inspectHead(bytes.slice(0, 80), ImageFormat.QCOW2)).isEqualTo(PASSED);
    requireRefusedFrom(72, "image.backingFile", bytes.putLong(8, 200).putInt(16, 5));
  }

  @Test
  void whatPassesByItsHeadNeedsNoMoreThanItsFirstCluster() {
    for (byte[] sound : AllReaders.soundImages()) {
      if (ByteBuffer.wrap(sound).getLong(8) == 0) {
        ImageGate gate = GATE.allowingLuks();
        assertThat(gate.inspectHead(ByteBuffer.wrap(sound, 0, 512), ImageFormat.QCOW2))
            .isEqualTo(PASSED);
        assertThat(gate.inspectHead(ByteBuffer.wrap(sound), ImageFormat.QCOW2)).isEqualTo(PASSED);
      }
    }
  }

  @Test
  void theBufferIsLeftAsItWasAndItsOrderDoesNotMatter() {
    ByteBuffer head = ByteBuffer.allocate(1000).position(7).put(HandMade.image().limit(512));
    head.limit(head.position()).position(7).order(ByteOrder.LITTLE_ENDIAN);

    assertThat(GATE.inspectHead(head, ImageFormat.QCOW2)).isEqualTo(PASSED);
    assertThat(head.position()).isEqualTo(7);
    assertThat(head.remaining()).isEqualTo(512);
    assertThat(GATE.inspectHead(head.asReadOnlyBuffer(), ImageFormat.QCOW2)).isEqualTo(PASSED);
  }

  @Test
  void aRawHeadIsNeverLookedAt() {
    assertThat(GATE.inspectHead(HandMade.withBacking("/etc/passwd"), ImageFormat.RAW))
        .isEqualTo(PASSED);
    assertThat(GATE.inspectHead(ByteBuffer.allocate(0), ImageFormat.RAW)).isEqualTo(PASSED);
    assertThat(GATE.inspectHead(ByteBuffer.allocate(0), ImageFormat.QCOW2)).isEqualTo(MORE_NEEDED);
  }

  private static void requireRefusedFrom(int length, String field, ByteBuffer bytes) {
    requireRefusedFrom(length, field, bytes, length);
  }

  /** Demands that fewer bytes do not refuse, and that so many do. */
  private static void requireRefusedFrom(int least, String field, ByteBuffer bytes, int length) {
    for (int i = 0; i < least; i++) {
      assertThat(GATE.inspectHead(bytes.slice(0, i), ImageFormat.QCOW2)).isEqualTo(MORE_NEEDED);
    }
    assertThatThrownBy(() -> GATE.inspectHead(bytes.slice(0, length), ImageFormat.QCOW2))
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.subject()).isEqualTo(field));
  }
}
