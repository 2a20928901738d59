package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.fetch.ImageCache;
import io.n0stack.n0core.storage.file.ImageLock;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a volume can be made of, and what can be done with it, with the real {@code qemu-img}. */
class DriverFeaturesIT {
  private static final long MIB = 1 << 20;

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId clone = ResourceId.fresh("volume", "clone");
  private Path pool;
  private Qcow2DirectoryDriver driver;
  private VolumeMaintenance maintenance;

  @BeforeEach
  void open() {
    pool = directory.resolve("pool, of: volumes");
    driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30));
    maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
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

  private static void write(Path disk, String format, int pattern, long at, long bytes) {
    Images.run(List.of(
        "qemu-io",
        "-f",
        format,
        "-c",
        "write -P " + pattern + " " + at + " " + bytes,
        disk.toString()));
  }

  /** Fails unless what a guest sees there is the pattern. */
  private static void requirePattern(Path disk, String format, int pattern, long at, long bytes) {
    String said = Images.run(List.of(
        "qemu-io",
        "-f",
        format,
        "-c",
        "read -P " + pattern + " " + at + " " + bytes,
        disk.toString()));
    assertThat(said).contains("read " + bytes).doesNotContain("failed");
  }

  private Path image(String name, String format, int pattern) {
    Path image = directory.resolve(name);
    Images.qemuImg("create", "-q", "-f", format, image, "8M");
    write(image, format, pattern, MIB, MIB);
    return image;
  }

  @Test
  void downloadIsVerifiedKeptInTheCacheAndFetchedOnce() throws Exception {
    Path image = image("image.qcow2", "qcow2", 7);
    String digest = Images.digest(image);
    AtomicInteger requests = new AtomicInteger();
    try (ServerSocket server = serving(image, requests)) {
      URI uri = uri(server);
      ImageSource wrong =
          new ImageSource.Download(uri, "sha256:" + "0".repeat(64), ImageFormat.QCOW2);
      assertThatThrownBy(() -> driver.apply(cx(), root, VolumeSpec.from(wrong)))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
      assertThat(driver.observe(root)).isEqualTo(Observed.absent());
      requests.set(0);

      ImageSource source = new ImageSource.Download(uri, digest, ImageFormat.QCOW2);
      VolumeStatus made = make(root, VolumeSpec.from(source).withSizeBytes(16 * MIB));
      VolumeStatus again =
          make(clone, new VolumeSpec(ImageFormat.RAW, Optional.empty(), Optional.of(source)));

      assertThat(requests).hasValue(1);
      assertThat(made.sizeBytes()).isEqualTo(16 * MIB);
      requirePattern(made.path(), "qcow2", 7, MIB, MIB);
      requirePattern(again.path(), "raw", 7, MIB, MIB);
      ImageCache cache = driver.capability(ImageCache.class).orElseThrow();
      assertThat(cache.images()).hasSize(1);
      assertThat(cache.images().get(0).references()).isEmpty();
      assertThat(cache.evictTo(0).evicted()).hasSize(1);
      requirePattern(made.path(), "qcow2", 7, MIB, MIB);
    }
  }

  @Test
  void aCompressedFileOfTheHostIsVerifiedLikeADownload() throws Exception {
    Path image = image("image.qcow2", "qcow2", 7);
    Images.run(List.of("xz", "--keep", image.toString()));
    Path packed = directory.resolve("image.qcow2.xz");
    ImageSource.Download wrong = new ImageSource.Download(
            packed.toUri(), Images.digest(image), ImageFormat.QCOW2)
        .compressed(ImageSource.Compression.XZ);
    assertThatThrownBy(() -> driver.apply(cx(), root, VolumeSpec.from(wrong)))
        .hasMessageContaining("source.digest");
    assertThat(driver.observe(root)).isEqualTo(Observed.absent());

    ImageSource.Download source = new ImageSource.Download(
            packed.toUri(), Images.digest(packed), ImageFormat.QCOW2)
        .compressed(ImageSource.Compression.XZ);
    VolumeStatus made = make(root, VolumeSpec.from(source));

    requirePattern(made.path(), "qcow2", 7, MIB, MIB);
    assertThat(packed).exists();
  }

  @Test
  void theConfigurationSaysThroughWhatAndFromWhereImagesAreFetched() throws Exception {
    Path image = image("image.qcow2", "qcow2", 7);
    AtomicInteger requests = new AtomicInteger();
    try (ServerSocket server = serving(image, requests)) {
      URI far = URI.create("http://images.invalid/image.qcow2");
      ImageSource near =
          new ImageSource.Download(uri(server), Images.digest(image), ImageFormat.QCOW2);
      driver.close();
      driver = configured("fetch-addresses", "public-only");
      assertThatThrownBy(() -> driver.apply(cx(), root, VolumeSpec.from(near)))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
      assertThat(requests).hasValue(0);
      driver.close();

      driver = configured("fetch-proxy", "127.0.0.1:" + server.getLocalPort());
      VolumeStatus made = make(
          root,
          VolumeSpec.from(new ImageSource.Download(far, Images.digest(image), ImageFormat.QCOW2)));

      requirePattern(made.path(), "qcow2", 7, MIB, MIB);
      assertThat(requests).hasValue(1);
    }
  }

  private Qcow2DirectoryDriver configured(String key, String value) {
    return (Qcow2DirectoryDriver)
        DriverPlugin.drivers(Map.of("storage.directory", pool.toString(), "storage." + key, value))
            .get(0);
  }

  @Test
  void whatWasFetchedForAVolumeThatNeverCameAboutIsNotKeptForItAfterItsDeletion() throws Exception {
    Path image = image("image.qcow2", "qcow2", 7);
    try (ServerSocket server = serving(image, new AtomicInteger())) {
      ImageSource source =
          new ImageSource.Download(uri(server), Images.digest(image), ImageFormat.QCOW2);
      VolumeSpec tooSmall = VolumeSpec.from(source).withSizeBytes(4 * MIB);
      assertThatThrownBy(() -> driver.apply(cx(), root, tooSmall)).isInstanceOf(N0Exception.class);
      ImageCache cache = driver.capability(ImageCache.class).orElseThrow();
      assertThat(cache.images()).hasSize(1);

      driver.delete(cx(), root);

      assertThat(cache.images().get(0).references()).isEmpty();
    }
  }

  @Test
  void whatWasFetchedForAVolumeIsKeptForItNoLongerThanItTakesToMakeIt() throws Exception {
    Path image = image("image.qcow2", "qcow2", 7);
    VolumeSpec spec = VolumeSpec.from(
        new ImageSource.Download(image.toUri(), Images.digest(image), ImageFormat.QCOW2));
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      assertThat(point).isLessThan(20);
      try {
        driver.apply(cx().crashAt(point), root, spec);
        crashed = false;
      } catch (SimulatedCrash e) {
        crashed = true;
      }

      driver.apply(cx(), root, spec);

      ImageCache cache = driver.capability(ImageCache.class).orElseThrow();
      assertThat(cache.images())
          .as("point %s", point)
          .singleElement()
          .satisfies(kept -> assertThat(kept.references()).isEmpty());
      driver.delete(cx(), root);
    }
  }

  @Test
  void addressesAreNotTold() throws Exception {
    Path image = image("image.qcow2", "qcow2", 7);
    try (ServerSocket server = serving(image, new AtomicInteger())) {
      String digest = Images.digest(image);
      for (String query : List.of("?signature=secret", "?signature=another-secret")) {
        ImageSource source =
            new ImageSource.Download(URI.create(uri(server) + query), digest, ImageFormat.QCOW2);
        assertThat(source.toString()).contains("" + uri(server)).doesNotContain("secret");
        if (driver.observe(root).equals(Observed.absent())) {
          driver.apply(cx(), root, VolumeSpec.from(source));
        } else {
          assertThatThrownBy(() -> driver.apply(cx(), root, VolumeSpec.from(source)))
              .hasMessageContaining("must stay")
              .hasMessageNotContaining("secret");
        }
      }
    }
  }

  @Test
  void imagesThatNobodyNeedsMakeRoomForOthers() throws Exception {
    Path first = image("first.qcow2", "qcow2", 7);
    Path second = image("second.qcow2", "qcow2", 8);
    driver.close();
    driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30), Files.size(first) * 3 / 2);
    try (ServerSocket one = serving(first, new AtomicInteger());
        ServerSocket other = serving(second, new AtomicInteger())) {
      VolumeStatus unused = make(
          root,
          VolumeSpec.from(
              new ImageSource.Download(uri(one), Images.digest(first), ImageFormat.QCOW2)));
      VolumeStatus made = make(
          clone,
          VolumeSpec.from(
              new ImageSource.Download(uri(other), Images.digest(second), ImageFormat.QCOW2)));

      requirePattern(made.path(), "qcow2", 8, MIB, MIB);
      ImageCache cache = driver.capability(ImageCache.class).orElseThrow();
      assertThat(cache.images())
          .singleElement()
          .satisfies(image -> assertThat("" + image.digest()).isEqualTo(Images.digest(second)));
    }
  }

  private static URI uri(ServerSocket server) {
    return URI.create("http://127.0.0.1:" + server.getLocalPort() + "/image");
  }

  private static ServerSocket serving(Path image, AtomicInteger requests) throws IOException {
    byte[] bytes = Files.readAllBytes(image);
    ServerSocket server = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
    Thread serving = new Thread(() -> serve(server, bytes, requests));
    serving.setDaemon(true);
    serving.start();
    return server;
  }

  /** Answers every request with the same bytes, until the socket is closed. */
  private static void serve(ServerSocket server, byte[] bytes, AtomicInteger requests) {
    while (!server.isClosed()) {
      try (Socket client = server.accept()) {
        BufferedReader in = new BufferedReader(
            new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
        for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
          assertThat(line).isNotBlank();
        }
        requests.incrementAndGet();
        String head =
            "HTTP/1.1 200 OK\r\nContent-Length: " + bytes.length + "\r\nConnection: close\r\n\r\n";
        client.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        client.getOutputStream().write(bytes);
      } catch (IOException e) {
        if (!server.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  @Test
  void foreignImageIsConverted() throws IOException {
    // Others must be able to reach it: it is read by a user who owns nothing.
    Path shared = Files.createTempDirectory(Path.of("/var/tmp"), "n0core-foreign-");
    try {
      Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxr-xr-x"));
      Path vmdk = shared.resolve("old.vmdk");
      Images.qemuImg("create", "-q", "-f", "vmdk", vmdk, "8M");
      write(vmdk, "vmdk", 9, MIB, MIB);
      Files.setPosixFilePermissions(vmdk, PosixFilePermissions.fromString("rw-r--r--"));

      VolumeStatus made =
          make(root, VolumeSpec.from(new ImageSource.Conversion(vmdk, ForeignFormat.VMDK)));

      assertThat(made.sizeBytes()).isEqualTo(8 * MIB);
      requirePattern(made.path(), "qcow2", 9, MIB, MIB);
      Files.delete(vmdk);
    } finally {
      Files.deleteIfExists(shared);
    }
  }

  @Test
  void preallocatedVolumeTakesItsSpaceAtOnce() throws IOException {
    for (Preallocation how : List.of(Preallocation.FALLOC, Preallocation.FULL)) {
      for (ImageFormat format : ImageFormat.values()) {
        ResourceId id = ResourceId.fresh("volume", "full");
        VolumeStatus made = make(
            id,
            new VolumeSpec(format, Optional.of(8 * MIB), Optional.empty()).withPreallocation(how));
        assertThat(made.allocatedBytes()).as("%s %s", how, format).isGreaterThanOrEqualTo(8 * MIB);

        VolumeStatus grown = make(
            id,
            new VolumeSpec(format, Optional.of(12 * MIB), Optional.empty()).withPreallocation(how));
        assertThat(grown.sizeBytes()).isEqualTo(12 * MIB);
        assertThat(grown.allocatedBytes())
            .as("%s %s, grown", how, format)
            .isGreaterThanOrEqualTo(12 * MIB);
      }
    }
    VolumeStatus tables =
        make(root, VolumeSpec.empty(64 * MIB).withPreallocation(Preallocation.METADATA));
    assertThat(Files.size(tables.path())).isGreaterThan(64 * MIB);
    assertThat(tables.allocatedBytes()).isLessThan(MIB);
  }

  @Test
  void fingerprintTellsWhatIsPromisedAndWhatIsTaken() {
    make(root, VolumeSpec.empty(64 * MIB));
    make(clone, new VolumeSpec(ImageFormat.RAW, Optional.of(32 * MIB), Optional.empty()));
    write(status(clone).path(), "raw", 1, 0, MIB);

    Fingerprint seen = driver.probe();

    assertThat(seen.health()).isEqualTo(Fingerprint.Health.HEALTHY);
    assertThat(seen.capacity())
        .containsEntry("storage.bytes.promised", 96 * MIB)
        .containsKeys("storage.bytes.total", "storage.bytes.free");
    assertThat(seen.capacity().get("storage.bytes.allocated")).isBetween(MIB, 2 * MIB);
  }

  @Test
  void damagedVolumeIsUnknownAndDoesNotMakeTheDriverIll() throws IOException {
    make(root, VolumeSpec.empty(64 * MIB));
    Path record = make(clone, VolumeSpec.empty(MIB)).path().resolveSibling("volume.json");
    Files.writeString(record, "{");

    assertThat(driver.observe(clone)).isInstanceOf(Observed.Unknown.class);
    assertThat(driver.probe().health()).isEqualTo(Fingerprint.Health.HEALTHY);
    assertThat(driver.probe().capacity()).containsEntry("storage.bytes.promised", 64 * MIB);
  }

  @Test
  void volumeIsShrunkFlattenedRebasedAndCommitted() {
    Path base = image("base.qcow2", "qcow2", 3);
    Path other = image("other.qcow2", "qcow2", 3);
    VolumeSpec spec = VolumeSpec.from(new ImageSource.Backing(base, ImageFormat.QCOW2));
    make(root, spec.withSizeBytes(32 * MIB));
    write(status(root).path(), "qcow2", 5, 4 * MIB, MIB);

    maintenance.rebase(cx(), root, new ImageSource.Backing(other, ImageFormat.QCOW2));
    assertThat(status(root).backingImage()).contains(other);
    requirePattern(status(root).path(), "qcow2", 3, MIB, MIB);
    maintenance.shrink(cx(), root, 16 * MIB);
    assertThat(status(root).sizeBytes()).isEqualTo(16 * MIB);
    maintenance.flatten(cx(), root);
    assertThat(status(root).backingImage()).isEmpty();
    requirePattern(status(root).path(), "qcow2", 3, MIB, MIB);
    requirePattern(status(root).path(), "qcow2", 5, 4 * MIB, MIB);

    make(clone, VolumeSpec.from(new ImageSource.Backing(status(root).path(), ImageFormat.QCOW2)));
    write(status(clone).path(), "qcow2", 8, 8 * MIB, MIB);
    assertThatThrownBy(() -> maintenance.rebase(
            cx(), root, new ImageSource.Backing(status(clone).path(), ImageFormat.QCOW2)))
        .hasMessageContaining("must not lie on");
    assertThatThrownBy(() -> maintenance.shrink(cx(), root, 8 * MIB))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    maintenance.commit(cx(), clone);
    requirePattern(status(root).path(), "qcow2", 8, 8 * MIB, MIB);
    assertThat(maintenance.check(cx(), root).sound()).isTrue();
    assertThat(maintenance.check(cx(), clone).sound()).isTrue();
  }

  @Test
  void volumeIsMeasuredAndExportedWhereNothingIs() throws Exception {
    make(root, VolumeSpec.empty(8 * MIB));
    write(status(root).path(), "qcow2", 6, MIB, MIB);
    Path target = directory.resolve("a target, of: export");

    VolumeMaintenance.FileSize size = maintenance.measure(cx(), root, ImageFormat.RAW);
    VolumeMaintenance.ExportedImage exported =
        maintenance.export(cx(), root, target, ImageFormat.RAW);

    assertThat(size.fullyAllocatedBytes()).isEqualTo(8 * MIB);
    assertThat(exported.lengthBytes()).isEqualTo(8 * MIB).isEqualTo(Files.size(target));
    assertThat(exported.digest()).isEqualTo(Images.digest(target));
    requirePattern(target, "raw", 6, MIB, MIB);
    assertThatThrownBy(() -> maintenance.export(cx(), root, target, ImageFormat.QCOW2))
        .isInstanceOfSatisfying(
            N0Exception.class,
            e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS));
    assertThat(Files.size(target)).isEqualTo(8 * MIB);
  }

  @Test
  void exportHasItsNameOnlyWhenItIsWhole() throws Exception {
    VolumeStatus made = make(root, VolumeSpec.empty(64 * MIB));
    write(made.path(), "qcow2", 6, MIB, 32 * MIB);
    Path place = Files.createDirectory(directory.resolve("exports"));
    Path target = place.resolve("image.raw");
    Path killed = Files.createFile(place.resolve(".n0-" + UUID.randomUUID() + ".tmp"));

    assertThatThrownBy(
            () -> maintenance.export(new CancelledAtTheEnd(target), root, target, ImageFormat.RAW))
        .hasMessage("enough");

    assertThat(killed).doesNotExist();
    assertThat(place).isEmptyDirectory();
  }

  @Test
  void whatWasCutOffBesideADiskIsUnlinkedByTheNextApply() throws IOException {
    VolumeStatus made = make(root, VolumeSpec.empty(MIB));
    for (String name : List.of(".n0-" + UUID.randomUUID() + ".tmp", ".tmp-volume.json")) {
      Path cutOff = Files.createFile(made.path().resolveSibling(name));
      assertThat(driver.observe(root)).as(name).extracting("complete").isEqualTo(false);

      VolumeStatus unused = make(root, VolumeSpec.empty(MIB));

      assertThat(cutOff).doesNotExist();
      assertThat(driver.observe(root)).as(name).extracting("complete").isEqualTo(true);
    }
  }

  @Test
  void nothingIsLaidOnAnImageThatSomebodyWrites() {
    VolumeStatus base = make(root, VolumeSpec.empty(MIB));
    VolumeSpec onIt = VolumeSpec.from(new ImageSource.Backing(base.path(), ImageFormat.QCOW2));
    try (ImageLock writer = QemuLocks.exclusive(base.path())) {
      assertThatThrownBy(() -> driver.apply(cx(), clone, onIt))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
      assertThat(writer).isNotNull();
    }

    assertThat(make(clone, onIt).backingImage()).contains(base.path());
  }

  @Test
  void damageIsFoundAndRepaired() throws IOException {
    VolumeStatus made = make(root, VolumeSpec.empty(8 * MIB));
    write(made.path(), "qcow2", 6, MIB, MIB);
    // A cluster at the end that nothing refers to, with a reference count: a leak.
    Images.run(List.of(
        "sh",
        "-c",
        "printf '\\000\\001' | dd of=\"$1\" bs=1 conv=notrunc"
            + " seek=$((131072 + 2 * 24)) 2>&1 && truncate -s 1638400 \"$1\"",
        "sh",
        made.path().toString()));

    VolumeMaintenance.Soundness found = maintenance.check(cx(), root);
    assertThat(found.leaks()).isEqualTo(1);
    assertThat(found.corruptions()).isZero();

    assertThat(maintenance.repair(cx(), root, VolumeMaintenance.Repair.LEAKS).sound())
        .isTrue();
    requirePattern(made.path(), "qcow2", 6, MIB, MIB);
  }

  /** Is cancelled when all is copied, and until then sees that nothing has the name yet. */
  private record CancelledAtTheEnd(Path target) implements Context {
    @Override
    public <R> R step(String name, Step<R> body) {
      return cx().step(name, body);
    }

    @Override
    public void step(String name, Action body) {
      cx().step(name, body);
    }

    @Override
    public void progress(double fraction, String message) {
      assertThat(target).doesNotExist();
      if (message.equals("hash")) {
        throw new N0Exception(N0Exception.Code.CANCELLED, "export", "enough");
      }
    }

    @Override
    public Duration remaining() {
      return Duration.ofMinutes(1);
    }

    @Override
    public <T> T require(String kind, String name, Class<T> status) {
      return cx().require(kind, name, status);
    }

    @Override
    public <C> Optional<C> capability(String kind, Class<C> type) {
      return Optional.empty();
    }
  }
}
