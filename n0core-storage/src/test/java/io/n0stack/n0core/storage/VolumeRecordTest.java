package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Change;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VolumeRecordTest {
  private static final Path IMAGE = Path.of("/images/a \"b\", c.qcow2");

  private final ResourceId root = ResourceId.fresh("volume", "root");

  @Test
  void aRecordIsReadAsItWasWritten() throws IOException {
    for (Optional<ImageSource> source : List.<Optional<ImageSource>>of(
        Optional.empty(),
        Optional.of(new ImageSource.Backing(IMAGE, ImageFormat.QCOW2)),
        Optional.of(new ImageSource.Conversion(IMAGE, ForeignFormat.VDI)),
        Optional.of(new ImageSource.Download(
                URI.create("https://images.example/x.xz"),
                "sha256:" + "0".repeat(64),
                ImageFormat.RAW)
            .compressed(ImageSource.Compression.XZ)),
        Optional.of(new ImageSource.Copy(IMAGE, ImageFormat.RAW)))) {
      VolumeRecord record = VolumeRecord.of(root, ImageFormat.QCOW2, 1L << 40, source);
      VolumeRecord sealed = record.made(Preallocation.FALLOC, Optional.of(new Encryption(IMAGE)));
      VolumeRecord begun =
          sealed.towards(Change.SNAPSHOT, record.shape().with("a").with("b"));

      assertThat(VolumeRecord.decode(record.encode())).isEqualTo(record);
      assertThat(VolumeRecord.decode(sealed.encode())).isEqualTo(sealed);
      assertThat(VolumeRecord.decode(begun.encode())).isEqualTo(begun);
      assertThat(begun.shaped(begun.next().orElseThrow().shape()).shape().snapshots())
          .containsExactly("a", "b");
    }
  }

  @Test
  void noDamageIsAnythingButARecordOrATypedRefusal() throws IOException {
    VolumeRecord record = VolumeRecord.of(
        root,
        ImageFormat.QCOW2,
        512,
        Optional.of(new ImageSource.Backing(IMAGE, ImageFormat.QCOW2)));
    byte[] good = record.towards(Change.JOIN, record.shape().with("before")).encode();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int length = 0; length < good.length; length++) {
      byte[] cut = Arrays.copyOf(good, length);
      assertThatThrownBy(() -> VolumeRecord.decode(cut)).isInstanceOf(IOException.class);
    }
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = good.clone();
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
      try {
        assertThat(VolumeRecord.decode(bytes)).isNotNull();
      } catch (IOException e) {
        assertThat(e).as("seed %s round %s", seed, i).hasMessageMatching("(?s).+");
      }
    }
  }

  @Test
  void onlyNamesThatBearAStampAreOurs() {
    String stamp = "root." + root.uid();

    assertThat(VolumePool.entry(stamp)).contains(new VolumePool.Entry(Stage.READY, root));
    assertThat(VolumePool.entry(".new-" + stamp))
        .contains(new VolumePool.Entry(Stage.MAKING, root));
    assertThat(VolumePool.entry(".old-" + stamp))
        .contains(new VolumePool.Entry(Stage.DELETING, root));
    for (String name : List.of(
        "root",
        "root.1",
        stamp + "x",
        "-" + stamp,
        "x.new-" + stamp,
        "." + stamp,
        "root." + root.uid().toString().replace('-', '0'),
        "ROOT." + root.uid())) {
      assertThat(VolumePool.entry(name)).as(name).isEmpty();
    }
  }
}
