package io.n0stack.n0core.examples.nodeapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodeRegistryServer;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.etcd.EtcdConfig;
import io.n0stack.n0core.membership.etcd.EtcdStore;
import io.n0stack.n0core.membership.etcd.EtcdTls;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

/**
 * Keeps the records of nodes and prints a line whenever the state of one changes.
 *
 * <p>{@code java -jar node-api.jar --name api-1 --listen 10.0.0.1:5679 --transport
 * tls:CERTIFICATES,KEY,AUTHORITIES --state DIRECTORY}, and optionally {@code --seeds
 * HOST:PORT,HOST:PORT} of other API processes; for the transport see {@link Transport#parse}. Several share their records
 * by {@code --etcd HOST:PORT,...} instead of {@code --state}, with {@code --etcd-tls CERTIFICATES,KEY,AUTHORITIES} over TLS.
 */
public final class NodeApiMain {
  private static final String USAGE = "usage: node-api --name NAME --listen IPV4:PORT"
      + " --transport (tls:CERTIFICATES,KEY,AUTHORITIES | secret:FILE | plaintext-isolated"
      + " | plaintext-anywhere)"
      + " (--state DIRECTORY | --etcd HOST:PORT,... [--etcd-tls CERTIFICATES,KEY,AUTHORITIES])"
      + " [--seeds HOST:PORT,...]";

  private static final Set<String> OPTIONS =
      Set.of("--name", "--listen", "--transport", "--state", "--etcd", "--etcd-tls", "--seeds");

  private NodeApiMain() {}

  /**
   * Runs until it is told to stop by SIGTERM or SIGINT.
   *
   * @param args see the class
   * @throws InterruptedException never; nobody interrupts this thread
   */
  public static void main(String[] args) throws InterruptedException {
    try {
      run(options(args));
    } catch (IllegalArgumentException | N0Exception e) {
      System.err.println("node-api: " + e.getMessage());
      System.exit(1);
    }
  }

  private static void run(Map<String, String> options) throws InterruptedException {
    MembershipConfig config = MembershipConfig.of(
        required(options, "--name"),
        required(options, "--listen"),
        Transport.parse(required(options, "--transport")));
    String seeds = options.getOrDefault("--seeds", "");
    if (!seeds.isEmpty()) {
      config = config.withSeeds(seeds.split(",", -1));
    }
    CountDownLatch stop = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    try (Store store = store(options);
        AtomixMembership membership = AtomixMembership.open(config);
        NodeRegistryServer registry = NodeRegistryServer.open(membership, store)) {
      for (Entry known : registry.nodes()) {
        System.out.println(known.node().name() + " " + known.state());
      }
      registry.subscribe(
          Runnable::run, change -> System.out.println(change.name() + " " + change.now()));
      membership.join();
      onSignal(stop, stopped);
      System.out.println(config.name() + " listening on " + config.listen());
      stop.await();
      membership.leave();
    } finally {
      stopped.countDown();
    }
  }

  // begin store
  private static Store store(Map<String, String> options) {
    String etcd = options.getOrDefault("--etcd", "");
    if (etcd.isEmpty()) {
      return FileStore.open(Path.of(required(options, "--state")));
    }
    EtcdConfig config = EtcdConfig.of(etcd.split(",", -1));
    String tls = options.getOrDefault("--etcd-tls", "");
    return EtcdStore.open(tls.isEmpty() ? config : config.withTls(tls(tls.split(",", -1))));
  }

  private static EtcdTls tls(String[] files) {
    if (files.length != 3) {
      throw new IllegalArgumentException("--etcd-tls must be CERTIFICATES,KEY,AUTHORITIES");
    }
    return EtcdTls.trusting(Path.of(files[2]))
        .withCertificate(Path.of(files[0]), Path.of(files[1]));
  }

  // end store

  /** Lets the main thread close everything in order before the JVM ends. */
  private static void onSignal(CountDownLatch stop, CountDownLatch stopped) {
    Thread hook = new Thread(() -> {
      stop.countDown();
      try {
        stopped.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private static Map<String, String> options(String[] args) {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) {
      options.put(args[i], args[i + 1]);
    }
    boolean ambiguous = 2 * options.size() != args.length // an odd one, or one that is given twice
        || options.keySet().containsAll(Set.of("--state", "--etcd"))
        || (options.containsKey("--etcd-tls") && !options.containsKey("--etcd"));
    if (ambiguous || !OPTIONS.containsAll(options.keySet())) {
      throw new IllegalArgumentException(USAGE);
    }
    return options;
  }

  private static String required(Map<String, String> options, String name) {
    return Optional.ofNullable(options.get(name))
        .orElseThrow(() -> new IllegalArgumentException(name + " is missing; " + USAGE));
  }
}
