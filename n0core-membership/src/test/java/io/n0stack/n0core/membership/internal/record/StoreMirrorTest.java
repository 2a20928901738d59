package io.n0stack.n0core.membership.internal.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreMirrorTest {
  @TempDir
  Path directory;

  private Store store;

  @BeforeEach
  void open() {
    store = FileStore.open(directory.resolve("store"));
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void showsWhatWasThereAndWhatComes() {
    long first = store.put("node/a", "1", Store.NONE);
    try (StoreMirror mirror = new StoreMirror(store)) {
      List<String> heard = new ArrayList<>();
      mirror.watch(Runnable::run, (key, now) -> heard.add(key + mirror.find(key).isPresent()));
      long second = mirror.put("node/a", "2", first);
      store.put("node/b", "1", Store.NONE);
      store.put("other", "1", Store.NONE);
      mirror.delete("node/a", second);

      assertThat(mirror.list("node")).extracting(Versioned::key).containsExactly("node/b");
      assertThat(mirror.list("")).hasSize(2);
      assertThat(heard)
          .as("a listener finds what it is told of")
          .containsExactly("node/atrue", "node/btrue", "othertrue", "node/afalse");
    }
    store.put("node/c", "1", Store.NONE);
  }

  @Test
  void aChangeIsReadableWhenTheCallReturnsAlthoughNewsComeLate() {
    try (LateStore late = new LateStore(store);
        StoreMirror mirror = new StoreMirror(late)) {
      CompletableFuture<Long> put =
          CompletableFuture.supplyAsync(() -> mirror.put("node/a", "1", Store.NONE));
      late.awaitNews();
      assertThat(put).isNotDone();
      assertThat(mirror.find("node/a")).isEmpty();
      late.tell();

      assertThat(put).succeedsWithin(Duration.ofSeconds(30));
      assertThat(mirror.find("node/a")).isPresent();
    }
  }

  @Test
  void aRecordThatGoesWhileTheOthersAreListedIsGone() {
    long first = store.put("node/a", "1", Store.NONE);
    store.put("node/b", "1", Store.NONE);
    Store losing = (Store) Proxy.newProxyInstance(
        Store.class.getClassLoader(), new Class<?>[] {Store.class}, (proxy, method, arguments) -> {
          Object result = method.invoke(store, arguments);
          if (method.getName().equals("list")) {
            store.delete("node/a", first);
          }
          return result;
        });
    try (StoreMirror mirror = new StoreMirror(losing)) {
      assertThat(mirror.list("node")).extracting(Versioned::key).containsExactly("node/b");

      store.put("node/a", "2", Store.NONE);
      assertThat(mirror.find("node/a")).isPresent();
    }
  }

  @Test
  void aRefusedChangeShowsWhatItWasRefusedFor() {
    try (LateStore late = new LateStore(store);
        StoreMirror mirror = new StoreMirror(late)) {
      store.put("node/a", "theirs", Store.NONE);
      late.awaitNews();
      CompletableFuture<Void> refused =
          CompletableFuture.runAsync(() -> assertThatExceptionOfType(N0Exception.class)
              .isThrownBy(() -> mirror.put("node/a", "mine", Store.NONE))
              .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION)));
      late.tell();

      assertThat(refused).succeedsWithin(Duration.ofSeconds(30));
      assertThat(mirror.find("node/a").orElseThrow().value()).isEqualTo("theirs");
    }
  }
}
