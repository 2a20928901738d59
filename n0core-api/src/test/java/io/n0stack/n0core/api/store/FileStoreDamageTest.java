package io.n0stack.n0core.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileStoreDamageTest {
  @TempDir
  Path temporary;

  @BeforeEach
  void putTwo() {
    try (FileStore store = open()) {
      store.put("machine/good", "good", Store.NONE);
      store.put("machine/bad", "{\"vcpus\":1}", Store.NONE);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\n",
        "n0core-record 2 revision=1 length=0 crc32c=00000000\n",
        "n0core-record 1 revision=1 length=999999999 crc32c=00000000\n",
        "n0core-record 1 revision=9999999999999999999 length=0 crc32c=00000000\n",
        "n0core-record 1 revision=1 length=0 crc32c=00000000\n",
        "{\"vcpus\":1}"
      })
  void aDamagedRecordIsPutAsideAndTheOthersAreServed(String bytes) throws IOException {
    Files.writeString(record("machine.bad"), bytes);

    assertPutAside("machine/bad");

    assertThat(quarantinedFile()).hasContent(bytes);
  }

  @Test
  void everyFlippedBitIsNoticed() throws IOException {
    byte[] sound = Files.readAllBytes(record("machine.bad"));
    for (int bit = 0; bit < sound.length * 8; bit++) {
      byte[] damaged = sound.clone();
      damaged[bit / 8] ^= (byte) (1 << (bit % 8));
      int at = bit;

      assertThat(org.assertj.core.api.Assertions.catchThrowable(
              () -> RecordFiles.decode("machine/bad", damaged)))
          .as("bit " + at)
          .isInstanceOf(RecordFiles.DamagedException.class);
    }
  }

  @Test
  void everyTruncationIsNoticed() throws IOException {
    byte[] sound = Files.readAllBytes(record("machine.bad"));
    for (int length = 0; length < sound.length; length++) {
      byte[] damaged = java.util.Arrays.copyOf(sound, length);

      assertThat(org.assertj.core.api.Assertions.catchThrowable(
              () -> RecordFiles.decode("machine/bad", damaged)))
          .as("length " + length)
          .isInstanceOf(RecordFiles.DamagedException.class);
    }
  }

  @Test
  void randomBytesNeverDoMoreThanFail() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[random.nextInt(200)];
      random.nextBytes(bytes);

      assertThat(org.assertj.core.api.Assertions.catchThrowable(
              () -> RecordFiles.decode("machine/bad", bytes)))
          .as("seed " + seed)
          .isInstanceOf(RecordFiles.DamagedException.class);
    }
  }

  @Test
  void whatWasEncodedIsDecoded() throws RecordFiles.DamagedException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 1000; i++) {
      String value = random
          .ints(random.nextInt(100), 0, 0xd800)
          .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
          .toString();
      Versioned record = new Versioned("a", value, random.nextLong(1, Long.MAX_VALUE));

      assertThat(RecordFiles.decode("a", RecordFiles.encode(record)))
          .as("seed " + seed)
          .isEqualTo(record);
    }
  }

  @Test
  void aFileTooLargeForARecordIsNotRead() throws IOException {
    try (RandomAccessFile sparse = new RandomAccessFile(record("machine.bad").toFile(), "rw")) {
      sparse.setLength(1L << 40);
    }

    assertPutAside("machine/bad");
  }

  @Test
  void aDirectoryInTheWayIsPutAside() throws IOException {
    Files.delete(record("machine.bad"));
    Files.createDirectory(record("machine.bad"));

    assertPutAside("machine/bad");
  }

  @Test
  void aLinkIsNotFollowed() throws IOException {
    Path elsewhere = Files.move(record("machine.bad"), temporary.resolve("elsewhere"));
    Files.createSymbolicLink(record("machine.bad"), elsewhere);

    assertPutAside("machine/bad");

    assertThat(elsewhere).exists();
  }

  @Test
  void aFileThatNoKeyNamesIsNotServed() throws IOException {
    Files.copy(record("machine.good"), record("machine.bad~"));
    Files.delete(record("machine.bad"));

    assertPutAside("machine/bad~");
  }

  private void assertPutAside(String key) {
    try (FileStore store = open()) {
      assertThat(store.quarantined()).hasSize(1);
      assertThat(store.quarantined().get(0).key()).isEqualTo(key);
      assertThat(store.quarantined().get(0).why()).isNotBlank();
      assertThat(store.quarantined().get(0).file())
          .satisfies(file -> assertThat(Files.exists(file, java.nio.file.LinkOption.NOFOLLOW_LINKS))
              .isTrue());
      assertThat(store.list("")).extracting(Versioned::key).containsExactly("machine/good");
      store.put("machine/new", "x", Store.NONE);
    }
    try (FileStore store = open()) {
      assertThat(store.quarantined()).as("reported once, when it is put aside").isEmpty();
      assertThat(store.list("")).hasSize(2);
    }
  }

  private Path quarantinedFile() throws IOException {
    try (var all = Files.list(temporary.resolve("store/quarantine"))) {
      return all.findFirst().orElseThrow();
    }
  }

  private Path record(String name) {
    return temporary.resolve("store/records").resolve(name);
  }

  private FileStore open() {
    return FileStore.open(temporary.resolve("store"));
  }
}
