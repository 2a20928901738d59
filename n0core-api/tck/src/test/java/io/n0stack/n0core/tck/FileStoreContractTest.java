package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class FileStoreContractTest extends StoreContract {
  @TempDir
  Path temporary;

  @Override
  protected Store openStore() {
    return FileStore.open(temporary.resolve("store"));
  }
}
