package io.n0stack.n0core.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.Subscription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileStoreTest {
  @TempDir
  Path temporary;

  @Test
  void whatWasPutIsFoundAndAfterReopeningStillIs() {
    String value = "{\"name\":\"wéb1 \\u0000 🖥\"}\n\0";
    long revision;
    try (FileStore store = open()) {
      revision = store.put("machine/web1", value, Store.NONE);
      assertThat(store.find("machine/web1"))
          .contains(new Versioned("machine/web1", value, revision));
    }
    try (FileStore store = open()) {
      assertThat(store.find("machine/web1"))
          .contains(new Versioned("machine/web1", value, revision));
      assertThat(store.quarantined()).isEmpty();
    }
  }

  @Test
  void changesNeedTheRevisionThatIsThere() {
    try (FileStore store = open()) {
      long first = store.put("machine/web1", "1", Store.NONE);

      refused(() -> store.put("machine/web1", "2", Store.NONE));
      refused(() -> store.put("machine/web1", "2", first + 1));
      refused(() -> store.put("machine/web2", "2", first));
      refused(() -> store.delete("machine/web1", first + 1));
      refused(() -> store.delete("machine/web1", Store.NONE));
      refused(() -> store.delete("machine/web2", Store.NONE));
      assertThat(store.list("")).containsExactly(new Versioned("machine/web1", "1", first));

      long second = store.put("machine/web1", "2", first);
      assertThat(second).isGreaterThan(first);
      store.delete("machine/web1", second);
      assertThat(store.list("")).isEmpty();
    }
  }

  @Test
  void listsWholeLabelsOnlyInTheOrderOfKeys() {
    try (FileStore store = open()) {
      for (String key : List.of("b", "a/x/y", "a/b", "a", "ab/c", "a-b/c", "a0/c")) {
        store.put(key, key, Store.NONE);
      }

      assertThat(store.list("a")).extracting(Versioned::key).containsExactly("a/b", "a/x/y");
      assertThat(store.list("a/x")).extracting(Versioned::key).containsExactly("a/x/y");
      assertThat(store.list("")).extracting(Versioned::key).isSorted().hasSize(7);
      assertThat(store.list("none")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "../x",
        "a/../b",
        "a//b",
        "/a",
        "a/",
        "a.b",
        "a,b",
        "A",
        "a\n",
        "a/b/c/d",
        ".tmp-a",
        "\u2024\u2024/a"
      })
  void oddKeysAreRefusedBeforeAnySideEffect(String key) {
    try (FileStore store = open()) {
      List<Path> before = files();

      Refusal.of(N0Exception.Code.INVALID, () -> store.put(key, "x", Store.NONE));
      Refusal.of(N0Exception.Code.INVALID, () -> store.delete(key, 1));
      Refusal.of(N0Exception.Code.INVALID, () -> store.find(key));

      assertThat(files()).isEqualTo(before);
    }
  }

  @Test
  void theLongestKeyFits() {
    String label = "a".repeat(63);
    String key = label + "/" + label + "/" + label;
    try (FileStore store = open()) {
      store.put(key, "x", Store.NONE);
    }
    try (FileStore store = open()) {
      assertThat(store.find(key)).isPresent();
    }
  }

  @Test
  void valuesEndAtTheirLimitInBytes() {
    try (FileStore store = open()) {
      store.put("a", "x".repeat(Store.MAX_VALUE_BYTES), Store.NONE);
      Refusal.invalid(
          "value bytes",
          Store.MAX_VALUE_BYTES + 1,
          "0 to 1048576",
          () -> store.put("b", "é" + "x".repeat(Store.MAX_VALUE_BYTES - 1), Store.NONE));
      assertThat(store.find("b")).isEmpty();
    }
    try (FileStore store = open()) {
      assertThat(store.find("a").orElseThrow().value()).hasSize(Store.MAX_VALUE_BYTES);
    }
  }

  @Test
  void aValueThatCannotBeWrittenAsItIsIsRefused() {
    try (FileStore store = open()) {
      Refusal.invalid(
          "value", "\ud800", "lone surrogates", () -> store.put("a", "\ud800", Store.NONE));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ar-EG-u-nu-arab", "th-TH-u-nu-thai", "hi-IN-u-nu-deva", "tr-TR"})
  void recordsAreTheSameInEveryLocale(String tag) {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag(tag));
      try (FileStore store = open()) {
        store.put("machine/web1", "1", Store.NONE);
      }
      try (FileStore store = open()) {
        assertThat(store.quarantined()).isEmpty();
        assertThat(store.find("machine/web1")).isPresent();
      }
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void aRevisionIsNeverUsedTwiceAlsoNotAfterDeletionAndReopening() {
    long highest = 0;
    for (int round = 0; round < 5; round++) {
      try (FileStore store = open()) {
        for (int i = 0; i < 300; i++) {
          long revision = store.put("machine/web1", "x", Store.NONE);
          assertThat(revision).isGreaterThan(highest);
          highest = revision;
          store.delete("machine/web1", revision);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "-1", "0", "99999999999999999999"})
  void aRevisionIsNotUsedTwiceAlsoAfterTheirNumberWasDamaged(String damaged) throws IOException {
    long highest = exhaustBlocks();
    Files.writeString(temporary.resolve("store/revision"), damaged);

    try (FileStore store = open()) {
      assertThat(store.put("machine/web2", "x", Store.NONE)).isGreaterThan(highest);
    }
  }

  @Test
  void aRevisionIsNotUsedTwiceAlsoAfterTheirNumberWasLost() throws IOException {
    long highest = exhaustBlocks();
    Files.delete(temporary.resolve("store/revision"));

    try (FileStore store = open()) {
      assertThat(store.put("machine/web2", "x", Store.NONE)).isGreaterThan(highest);
    }
  }

  @Test
  void aRevisionIsNotUsedTwiceAlsoIfTheirNumberIsLostAgainAfterManyOpenings() throws IOException {
    long highest = exhaustBlocks();
    for (int loss = 0; loss < 3; loss++) {
      Files.delete(temporary.resolve("store/revision"));
      for (int opening = 0; opening < 20; opening++) { // each spends a block of revisions
        try (FileStore store = open()) {
          long revision = store.put("machine/web2", "x", Store.NONE);
          assertThat(revision).isGreaterThan(highest);
          highest = revision;
          store.delete("machine/web2", revision);
        }
      }
    }
  }

  /** Leaves an old record and many revisions of one that was deleted. */
  private long exhaustBlocks() {
    try (FileStore store = open()) {
      store.put("machine/old", "x", Store.NONE);
      long last = store.put("machine/web1", "x", Store.NONE);
      for (int i = 0; i < 1100; i++) {
        last = store.put("machine/web1", "x", last);
      }
      store.delete("machine/web1", last);
      return last;
    }
  }

  @Test
  void leftoversOfUnfinishedWritesAreSwept() throws IOException {
    open().close();
    Files.writeString(temporary.resolve("store/records/.tmp-machine.web1"), "half");

    try (FileStore store = open()) {
      assertThat(store.list("")).isEmpty();
      assertThat(store.quarantined()).isEmpty();
      assertThat(temporary.resolve("store/records")).isEmptyDirectory();
    }
  }

  @Test
  void directoryAndFilesAreForTheirOwnerAlone() throws IOException {
    try (FileStore store = open()) {
      store.put("machine/web1", "secret", Store.NONE);

      assertThat(mode("store")).isEqualTo("rwx------");
      assertThat(mode("store/records")).isEqualTo("rwx------");
      assertThat(mode("store/records/machine.web1")).isEqualTo("rw-------");
    }
  }

  @Test
  void watchersHearChangesInOrder() {
    List<String> heard = new ArrayList<>();
    try (FileStore store = open()) {
      Subscription first = store.watch(
          Runnable::run,
          (key, now) -> heard.add(key + now.map(record -> "=" + record.value()).orElse(" gone")));
      long revision = store.put("a", "1", Store.NONE);
      revision = store.put("a", "2", revision);
      store.put("b", "3", Store.NONE);
      store.delete("a", revision);
      first.close();
      store.put("c", "4", Store.NONE);
    }

    assertThat(heard).containsExactly("a=1", "a=2", "b=3", "a gone");
  }

  @Test
  void aWatcherMayChangeTheStore() {
    try (FileStore store = open()) {
      store.watch(Runnable::run, (key, now) -> {
        if (key.equals("a")) {
          store.put("b", "2", Store.NONE);
        }
      });

      store.put("a", "1", Store.NONE);

      assertThat(store.list("")).extracting(Versioned::key).containsExactly("a", "b");
    }
  }

  @Test
  void aWatcherWhoseExecutorIsShutDownDoesNotFailAPut() {
    List<String> heard = new ArrayList<>();
    try (FileStore store = open()) {
      store.watch(
          task -> {
            throw new RejectedExecutionException("shut down");
          },
          (key, now) -> heard.add("never"));
      store.watch(Runnable::run, (key, now) -> heard.add(key));

      store.put("a", "1", Store.NONE);

      assertThat(heard).containsExactly("a");
    }
  }

  @Test
  void anInterruptedThreadFinishesItsChangeAndStaysInterrupted() {
    try (FileStore store = open()) {
      long revision = store.put("a", "1", Store.NONE);
      Thread.currentThread().interrupt();

      store.put("a", "2", revision);
      store.put("b", "3", Store.NONE);

      assertThat(Thread.interrupted()).isTrue();
      store.put("c", "4", Store.NONE);
    }
    try (FileStore store = open()) {
      assertThat(store.list("")).extracting(Versioned::value).containsExactly("2", "3", "4");
    }
  }

  @Test
  void openingWhileInterruptedIsCancelledAndLeavesTheStoreFree() {
    open().close();
    Thread.currentThread().interrupt();

    Refusal.of(N0Exception.Code.CANCELLED, this::open);

    assertThat(Thread.interrupted()).isTrue();
    open().close();
  }

  @Test
  void aClosedStoreRefusesChanges() {
    FileStore store = open();
    store.close();
    store.close();

    refused(() -> store.put("a", "1", Store.NONE));
  }

  private void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    Refusal.of(N0Exception.Code.PRECONDITION, call);
  }

  private String mode(String path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(temporary.resolve(path)));
  }

  private List<Path> files() {
    try (Stream<Path> all = Files.walk(temporary)) {
      return all.sorted().toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private FileStore open() {
    return FileStore.open(temporary.resolve("store"));
  }
}
