package io.n0stack.n0core.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What every {@link Store} keeps. A store's author extends it in a test and says how the store is
 * opened.
 *
 * @since 0.1
 */
@Timeout(180)
public abstract class StoreContract {
  private static final int SECONDS = 60;
  private static final int THREADS = 8;
  private static final List<String> ODD_KEYS = List.of(
      "", "/", "../x", "a/../b", "a//b", "/a", "a/", "a.b", "a,b", "A", "a\n", "a/b/c/d", ".tmp-a");

  private Optional<Store> opened = Optional.empty();

  /** Prepares a suite. */
  protected StoreContract() {}

  /**
   * Opens the store of this test, empty at first and with what the test has put later on.
   *
   * @return the store; the suite closes it before it opens it again
   */
  protected abstract Store openStore();

  /** Closes the store of the test that has ended. */
  @AfterEach
  protected void closeStore() {
    opened.ifPresent(Store::close);
    opened = Optional.empty();
  }

  private Store store() {
    if (opened.isEmpty()) {
      opened = Optional.of(openStore());
    }
    return opened.get();
  }

  private Store reopened() {
    closeStore();
    return store();
  }

  @Test
  void whatWasPutIsFoundAlsoAfterReopening() {
    String value = "{\"name\":\"wéb1 \\u0000 🖥\"}\n\0";
    long revision = store().put("machine/web1", value, Store.NONE);

    assertThat(store().find("machine/web1"))
        .contains(new Versioned("machine/web1", value, revision));
    assertThat(reopened().find("machine/web1"))
        .contains(new Versioned("machine/web1", value, revision));
    assertThat(store().find("machine/web2")).isEmpty();
  }

  @Test
  void changesNeedTheRevisionThatIsThere() {
    Store store = store();
    long first = store.put("machine/web1", "1", Store.NONE);

    refused(Code.PRECONDITION, () -> store.put("machine/web1", "2", Store.NONE));
    refused(Code.PRECONDITION, () -> store.put("machine/web1", "2", first + 1));
    refused(Code.PRECONDITION, () -> store.put("machine/web2", "2", first));
    refused(Code.PRECONDITION, () -> store.delete("machine/web1", first + 1));
    refused(Code.PRECONDITION, () -> store.delete("machine/web1", Store.NONE));
    refused(Code.PRECONDITION, () -> store.delete("machine/web2", Store.NONE));
    assertThat(store.list("")).containsExactly(new Versioned("machine/web1", "1", first));

    long second = store.put("machine/web1", "2", first);
    assertThat(second).isGreaterThan(first);
    refused(Code.PRECONDITION, () -> store.put("machine/web1", "3", first));
    store.delete("machine/web1", second);
    assertThat(store.list("")).isEmpty();
  }

  @Test
  void listsWholeLabelsOnlyInTheOrderOfKeys() {
    Store store = store();
    for (String key : List.of("b", "a/x/y", "a/b", "a", "ab/c", "a-b/c", "a0/c")) {
      store.put(key, key, Store.NONE);
    }

    assertThat(store.list("a")).extracting(Versioned::key).containsExactly("a/b", "a/x/y");
    assertThat(store.list("a/x")).extracting(Versioned::key).containsExactly("a/x/y");
    assertThat(store.list("")).extracting(Versioned::key).isSorted().hasSize(7);
    assertThat(store.list("none")).isEmpty();
  }

  @Test
  void listsManyRecords() {
    Store store = store();
    for (int i = 0; i < 600; i++) {
      store.put("many/record-" + i, "v".repeat(i), Store.NONE);
    }

    assertThat(store.list("many")).hasSize(600).extracting(Versioned::key).isSorted();
    assertThat(store.list("many"))
        .allSatisfy(record -> assertThat(record.value())
            .hasSize(Integer.parseInt(record.key().substring("many/record-".length()))));
  }

  @Test
  void listsMoreThanOneMessageCarries() {
    Store store = store();
    for (int i = 0; i < 6; i++) {
      store.put("large/record-" + i, "x".repeat(Store.MAX_VALUE_BYTES - i), Store.NONE);
    }

    assertThat(store.list("large"))
        .extracting(record -> record.value().length())
        .containsExactly(1048576, 1048575, 1048574, 1048573, 1048572, 1048571);
  }

  @Test
  void oddKeysAreRefused() {
    Store store = store();

    for (String key : ODD_KEYS) {
      refused(Code.INVALID, () -> store.put(key, "x", Store.NONE));
      refused(Code.INVALID, () -> store.delete(key, 1));
      refused(Code.INVALID, () -> store.find(key));
    }
    assertThat(store.list("")).isEmpty();
  }

  @Test
  void valuesEndAtTheirLimitInBytes() {
    Store store = store();
    store.put("a", "x".repeat(Store.MAX_VALUE_BYTES), Store.NONE);
    store.put("empty", "", Store.NONE);

    refused(
        Code.INVALID,
        () -> store.put("b", "é" + "x".repeat(Store.MAX_VALUE_BYTES - 1), Store.NONE));
    refused(Code.INVALID, () -> store.put("b", "\ud800", Store.NONE));
    assertThat(store.find("b")).isEmpty();
    assertThat(store.find("empty").orElseThrow().value()).isEmpty();
    assertThat(store.find("a").orElseThrow().value()).hasSize(Store.MAX_VALUE_BYTES);
  }

  @Test
  void aRevisionIsNeverUsedTwiceAlsoNotAfterDeletionAndReopening() {
    long highest = 0;
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 20; i++) {
        long revision = store().put("machine/web1", "x", Store.NONE);
        assertThat(revision).isGreaterThan(highest);
        highest = revision;
        store().delete("machine/web1", revision);
      }
      reopened();
    }
  }

  @Test
  void watchersHearEveryChangeInOrder() throws InterruptedException {
    Store store = store();
    LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
    try (Subscription watch = store.watch(
        Runnable::run,
        (key, now) -> heard.add(key + now.map(record -> "=" + record.value()).orElse(" gone")))) {
      long revision = store.put("a", "1", Store.NONE);
      revision = store.put("a", "2", revision);
      store.put("b", "3", Store.NONE);
      store.delete("a", revision);

      for (String expected : List.of("a=1", "a=2", "b=3", "a gone")) {
        assertThat(heard.poll(SECONDS, TimeUnit.SECONDS)).isEqualTo(expected);
      }
      assertThat(watch).isNotNull();
    }
    store.put("c", "4", Store.NONE);
    assertThat(heard.poll(300, TimeUnit.MILLISECONDS)).isNull();
  }

  @Test
  void aWatcherHearsTheRevisionThatThePutReturned() throws InterruptedException {
    Store store = store();
    LinkedBlockingQueue<Long> heard = new LinkedBlockingQueue<>();
    try (Subscription watch = store.watch(
        Runnable::run, (key, now) -> heard.add(now.map(Versioned::revision).orElse(0L)))) {
      long revision = store.put("a", "1", Store.NONE);

      assertThat(heard.poll(SECONDS, TimeUnit.SECONDS)).isEqualTo(revision);
      assertThat(watch).isNotNull();
    }
  }

  @Test
  void aWatcherWhoseExecutorIsShutDownFailsNobody() throws InterruptedException {
    Store store = store();
    LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
    Subscription refusing = store.watch(
        task -> {
          throw new RejectedExecutionException("shut down");
        },
        (key, now) -> heard.add("never"));
    Subscription listening = store.watch(Runnable::run, (key, now) -> heard.add(key));

    store.put("a", "1", Store.NONE);

    assertThat(heard.poll(SECONDS, TimeUnit.SECONDS)).isEqualTo("a");
    refusing.close();
    listening.close();
    listening.close();
  }

  @Test
  void ofManyWritersOfOneRevisionExactlyOneWins() throws Exception {
    Store store = store();
    long revision = store.put("counter", "0", Store.NONE);
    for (int round = 1; round <= 10; round++) {
      long expected = revision;
      List<Callable<Long>> writers = new ArrayList<>();
      for (int writer = 0; writer < THREADS; writer++) {
        String value = round + "-" + writer;
        writers.add(() -> tryPut(store, value, expected));
      }
      List<Long> won =
          all(writers).stream().filter(result -> result != Store.NONE).toList();

      assertThat(won).hasSize(1);
      revision = won.get(0);
      assertThat(store.find("counter").orElseThrow().revision()).isEqualTo(revision);
    }
  }

  private static long tryPut(Store store, String value, long expected) {
    try {
      return store.put("counter", value, expected);
    } catch (N0Exception e) {
      if (e.code() != Code.PRECONDITION) {
        throw e;
      }
      return Store.NONE;
    }
  }

  @Test
  void concurrentIncrementsAreAllCounted() throws Exception {
    Store store = store();
    store.put("counter", "0", Store.NONE);
    List<Callable<Long>> writers = new ArrayList<>();
    for (int writer = 0; writer < THREADS; writer++) {
      writers.add(() -> increment(store, 5));
    }

    all(writers);

    assertThat(store.find("counter").orElseThrow().value()).isEqualTo(THREADS * 5 + "");
  }

  private static long increment(Store store, int times) {
    int done = 0;
    while (done < times) {
      Versioned now = store.find("counter").orElseThrow();
      String next = String.valueOf(Integer.parseInt(now.value()) + 1);
      if (tryPut(store, next, now.revision()) != Store.NONE) {
        done++;
      }
    }
    return done;
  }

  @Test
  void behavesLikeMapsWithRevisions() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Map<String, Versioned> model = new HashMap<>();
    for (int step = 0; step < 200; step++) {
      String key = "k/" + random.nextInt(5);
      long expected = model.containsKey(key) && random.nextInt(4) > 0
          ? model.get(key).revision()
          : random.nextInt(3);
      modelStep(model, key, expected, random.nextInt(3) == 0 ? "" : "v" + step);
      assertThat(store().find(key)).as("seed %d", seed).isEqualTo(optional(model, key));
    }
    assertThat(store().list("k")).as("seed %d", seed).hasSameElementsAs(model.values());
  }

  /** Puts a value, or deletes the record if the value is empty. */
  private void modelStep(Map<String, Versioned> model, String key, long expected, String value) {
    long found = optional(model, key).map(Versioned::revision).orElse(Store.NONE);
    boolean delete = value.isEmpty();
    if (found != expected || (delete && found == Store.NONE)) {
      refused(Code.PRECONDITION, () -> {
        if (delete) {
          store().delete(key, expected);
        } else {
          store().put(key, value, expected);
        }
      });
    } else if (delete) {
      store().delete(key, expected);
      model.remove(key);
    } else {
      model.put(key, new Versioned(key, value, store().put(key, value, expected)));
    }
  }

  private static Optional<Versioned> optional(Map<String, Versioned> model, String key) {
    return Optional.ofNullable(model.get(key));
  }

  @Test
  void aClosedStoreRefusesChanges() {
    Store store = store();
    store.close();
    store.close();

    refused(Code.PRECONDITION, () -> store.put("a", "1", Store.NONE));
    refused(Code.PRECONDITION, () -> store.delete("a", 1));
  }

  private static List<Long> all(List<Callable<Long>> calls)
      throws InterruptedException, ExecutionException {
    ExecutorService threads = Executors.newFixedThreadPool(calls.size());
    try {
      List<Long> results = new ArrayList<>();
      for (Future<Long> result : threads.invokeAll(calls, SECONDS, TimeUnit.SECONDS)) {
        results.add(result.get());
      }
      return results;
    } finally {
      threads.shutdownNow();
    }
  }

  private static void refused(Code code, ThrowingCallable call) {
    N0Exception refusal = catchThrowableOfType(N0Exception.class, call);
    assertThat(refusal).as("nothing was refused").isNotNull();
    assertThat(refusal.code()).as(refusal.toString()).isEqualTo(code);
  }
}
