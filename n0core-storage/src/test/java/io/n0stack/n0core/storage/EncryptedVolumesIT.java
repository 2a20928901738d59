package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.fetch.ImageCache;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Encrypted volumes made of everything that volumes are made of. */
@Requires(Requirement.QEMU)
class EncryptedVolumesIT {
  private static final long MIB = 1 << 20;

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId clone = ResourceId.fresh("volume", "clone");
  private Path pool;
  private Path key;
  private Qcow2DirectoryDriver driver;
  private VolumeMaintenance maintenance;

  @BeforeEach
  void open() throws IOException {
    pool = directory.resolve("pool, of: volumes");
    key = Files.writeString(directory.resolve("key"), "correct horse");
    driver = QuickKeys.driver(pool, directory);
    maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private VolumeSpec encrypted(ImageSource source) {
    return VolumeSpec.from(source).withEncryption(new Encryption(key));
  }

  private VolumeStatus make(ResourceId id, VolumeSpec spec) {
    driver.apply(cx(), id, spec);
    return status(id);
  }

  private VolumeStatus status(ResourceId id) {
    assertThat(driver.observe(id)).isInstanceOf(Observed.Present.class);
    Observed.Present<VolumeStatus> present = (Observed.Present<VolumeStatus>) driver.observe(id);
    assertThat(present.complete()).isTrue();
    return present.status();
  }

  /** Makes an image whose second MiB is letters. */
  private Path image(String name, String format, char letter) {
    Path image = directory.resolve(name);
    Images.qemuImg("create", "-q", "-f", format, image, "8M");
    Images.run(List.of(
        "qemu-io", "-f", format, "-c", "write -P " + (int) letter + " 1M 1M", image.toString()));
    return image;
  }

  private String io(Path disk, String command) {
    return Images.run(List.of(
        "qemu-io",
        "--object",
        "secret,id=key,file=" + key,
        "--image-opts",
        "-c",
        command,
        "driver=qcow2,encrypt.format=luks,encrypt.key-secret=key,file.filename="
            + disk.toString().replace(",", ",,")));
  }

  /** Fails unless the second MiB is letters for those who have the key, and for nobody else. */
  private void requireHidden(ResourceId id, char letter) throws IOException {
    VolumeStatus volume = status(id);
    assertThat(volume.encryption()).contains(new Encryption(key));
    assertThat(Images.qemuImg("info", "-f", "qcow2", volume.path())).contains("encrypted: yes");
    assertThat(io(volume.path(), "read -P " + (int) letter + " 1M 1M"))
        .contains("read 1048576")
        .doesNotContain("failed");
    assertThat(text(volume.path())).doesNotContain(String.valueOf(letter).repeat(64));
    assertThat(maintenance.check(cx(), id).sound()).isTrue();
  }

  private static String text(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.ISO_8859_1);
  }

  private void requireRefused(N0Exception.Code code, String words, ResourceId id, VolumeSpec spec) {
    List<String> before = Images.volumes(pool);
    assertThatThrownBy(() -> driver.apply(cx(), id, spec))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).as("%s", e).isEqualTo(code))
        .hasMessageContaining(words);
    assertThat(Images.volumes(pool)).isEqualTo(before);
  }

  @Test
  void encryptedVolumeIsLockedByItsKeyWhichIsNowhereElse() throws IOException {
    Path key = Files.writeString(directory.resolve("key"), "correct horse");
    VolumeSpec spec = VolumeSpec.empty(8 * MIB).withEncryption(new Encryption(key));

    VolumeStatus made = make(root, spec);
    make(root, spec.withSizeBytes(16 * MIB));

    String info = Images.qemuImg("info", "-f", "qcow2", made.path());
    assertThat(info).contains("encrypted: yes").contains("16 MiB");
    assertThat(made.encryption()).contains(new Encryption(key));
    assertThat(new String(Files.readAllBytes(made.path()), StandardCharsets.ISO_8859_1))
        .doesNotContain("correct horse");
    assertThat(maintenance.check(cx(), root).sound()).isTrue();
    Files.delete(key);
    assertThatThrownBy(() -> maintenance.check(cx(), root))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining(key.toString());
    assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);
  }

  @Test
  void copyIsEncryptedWhateverItsImageIs() throws IOException {
    for (ImageFormat format : ImageFormat.values()) {
      String name = format == ImageFormat.RAW ? "raw" : "qcow2";
      Path image = image("image." + name, name, 'a');
      VolumeSpec spec = encrypted(new ImageSource.Copy(image, format));

      VolumeStatus made = make(root, spec.withSizeBytes(16 * MIB));

      assertThat(made.sizeBytes()).isEqualTo(16 * MIB);
      assertThat(made.backingImage()).isEmpty();
      requireHidden(root, 'a');
      assertThat(make(root, spec.withSizeBytes(24 * MIB)).sizeBytes()).isEqualTo(24 * MIB);
      requireHidden(root, 'a');
      driver.delete(cx(), root);
    }
  }

  @Test
  void downloadIsEncryptedAndItsImageInTheCacheAsItWas() throws IOException {
    Path image = image("image.qcow2", "qcow2", 'b');
    String digest = Images.digest(image);

    driver.apply(
        cx(), root, encrypted(new ImageSource.Download(image.toUri(), digest, ImageFormat.QCOW2)));

    requireHidden(root, 'b');
    ImageCache cache = driver.capability(ImageCache.class).orElseThrow();
    assertThat(Images.digest(cache.images().get(0).path())).isEqualTo(digest);
  }

  @Test
  void linkedCloneHidesWhatIsWrittenToItAndShowsItsBase() throws IOException {
    Path base = image("base.qcow2", "qcow2", 'c');
    String before = Images.digest(base);

    VolumeStatus made = make(clone, encrypted(new ImageSource.Backing(base, ImageFormat.QCOW2)));

    assertThat(made.backingImage()).contains(base);
    requireHidden(clone, 'c');
    assertThat(io(made.path(), "write -P " + (int) 'd' + " 1M 1M")).contains("wrote 1048576");
    requireHidden(clone, 'd');
    maintenance.flatten(cx(), clone);
    assertThat(status(clone).backingImage()).isEmpty();
    requireHidden(clone, 'd');
    assertThat(Images.digest(base)).isEqualTo(before);
  }

  @Test
  void encryptedVolumeIsNobodysSource() {
    VolumeStatus made = make(root, VolumeSpec.empty(8 * MIB).withEncryption(new Encryption(key)));

    for (ImageSource source : List.of(
        new ImageSource.Copy(made.path(), ImageFormat.QCOW2),
        new ImageSource.Backing(made.path(), ImageFormat.QCOW2))) {
      requireRefused(
          N0Exception.Code.INVALID, "must not be encrypted", clone, VolumeSpec.from(source));
      requireRefused(N0Exception.Code.INVALID, "must not be encrypted", clone, encrypted(source));
    }
  }

  @Test
  void foreignImageIsNotEncryptedOnItsWay() {
    Path vmdk = image("old.vmdk", "vmdk", 'e');

    requireRefused(
        N0Exception.Code.UNSUPPORTED,
        "encryption",
        root,
        encrypted(new ImageSource.Conversion(vmdk, ForeignFormat.VMDK)));
  }

  @Test
  void withoutItsKeyNothingIsBegun() throws IOException {
    Path image = image("image.qcow2", "qcow2", 'f');
    Files.delete(key);

    requireRefused(
        N0Exception.Code.UNAVAILABLE,
        key.toString(),
        root,
        encrypted(new ImageSource.Copy(image, ImageFormat.QCOW2)));
    assertThat(driver.observe(root)).isEqualTo(Observed.absent());
  }
}
