package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.nio.file.Path;

/** Fills the file system under a store and checks what is left. */
final class StoreFiller {
  private StoreFiller() {}

  public static void main(String[] args) {
    Path directory = Path.of(args[0]);
    long old;
    try (FileStore store = FileStore.open(directory)) {
      old = store.put("machine/web1", "old", Store.NONE);
      store.put("filler", "x".repeat(60_000), Store.NONE);
      try {
        store.put("machine/web1", "n".repeat(200_000), old);
        System.out.println("it fitted");
      } catch (N0Exception e) {
        System.out.println(e.code());
      }
      require(store.find("machine/web1").equals(java.util.Optional.of(record(old))));
      store.put("machine/web2", "small", Store.NONE);
    }
    try (FileStore store = FileStore.open(directory)) {
      require(store.quarantined().isEmpty());
      require(store.find("machine/web1").equals(java.util.Optional.of(record(old))));
      require(store.find("machine/web2").isPresent());
    }
    System.out.println("old record stands, others can be written");
  }

  private static Versioned record(long revision) {
    return new Versioned("machine/web1", "old", revision);
  }

  private static void require(boolean condition) {
    if (!condition) {
      throw new AssertionError("the store is not as it should be");
    }
  }
}
