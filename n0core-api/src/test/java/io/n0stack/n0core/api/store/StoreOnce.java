package io.n0stack.n0core.api.store;

import java.nio.file.Path;

/** Writes one record. */
final class StoreOnce {
  private StoreOnce() {}

  public static void main(String[] args) {
    try (FileStore store = FileStore.open(Path.of(args[0]))) {
      store.put("machine/web1", "x", Store.NONE);
      System.out.println("acknowledged");
    }
  }
}
