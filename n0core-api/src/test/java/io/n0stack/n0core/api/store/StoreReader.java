package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.nio.file.Path;

/** Opens a store and says what it found. */
final class StoreReader {
  private StoreReader() {}

  public static void main(String[] args) {
    try (FileStore store = FileStore.open(Path.of(args[0]))) {
      StringBuilder aside = new StringBuilder();
      store.quarantined().forEach(one -> aside.append(one.key()));
      System.out.println("quarantined " + aside + ", serving "
          + store.list("").stream().map(Versioned::key).toList());
    } catch (N0Exception e) {
      System.out.println(e.code());
    }
  }
}
