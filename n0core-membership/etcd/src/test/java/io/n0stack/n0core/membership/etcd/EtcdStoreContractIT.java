package io.n0stack.n0core.membership.etcd;

import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StoreContract;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ETCD)
class EtcdStoreContractIT extends StoreContract {
  @TempDir
  static Path directory;

  private static EtcdCluster cluster;

  private final String prefix = "/test/" + UUID.randomUUID();

  @BeforeAll
  static void start() {
    cluster = EtcdCluster.start(directory, 1);
  }

  @AfterAll
  static void stop() {
    cluster.close();
  }

  @Override
  protected Store openStore() {
    return EtcdStore.open(cluster.config().withPrefix(prefix));
  }
}
