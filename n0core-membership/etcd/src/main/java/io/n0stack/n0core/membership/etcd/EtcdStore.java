package io.n0stack.n0core.membership.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.PutOption;
import io.grpc.netty.GrpcSslContexts;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.StoreRules;
import io.n0stack.n0core.api.store.Versioned;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A store in an etcd cluster, for several processes at once.
 *
 * <p>A change is a transaction on the record's {@code mod_revision}, which is its revision here. It is
 * tried again, at another member if need be, until there is an answer or the deadline passes: the
 * condition lets it happen only once, and a mark in the record tells this change from another's. What
 * still has no answer then is an {@link UnknownOutcomeException}. Reads are linearizable.
 *
 * <p>A record is the value of the key {@code PREFIX/KEY}: a line {@code n0core-record 1 UUID}, then the
 * record's content.
 *
 * @since 0.1
 */
public final class EtcdStore implements Store {
  private static final int MOST_MESSAGE_BYTES = 64 << 20;
  private static final Duration CONNECT = Duration.ofSeconds(2);
  private static final Duration KEEPALIVE = Duration.ofSeconds(10);
  private static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(3);

  private final EtcdConnection connection;
  private final ExecutorService threads;
  private final EtcdCalls calls;
  private final EtcdLists lists;
  private final EtcdKeys keys;
  private final EtcdWatch watch;
  private volatile boolean closed;

  private EtcdStore(EtcdConfig config, ExecutorService threads) {
    this.connection = new EtcdConnection(() -> client(config, threads));
    this.threads = threads;
    this.calls = new EtcdCalls(connection, config.deadline());
    this.keys = new EtcdKeys(config.prefix());
    this.lists = new EtcdLists(calls, keys);
    this.watch = new EtcdWatch(connection, lists, keys);
  }

  /**
   * Connects to a cluster.
   *
   * @param config where it is
   * @return the store, which the caller closes
   * @throws N0Exception UNAVAILABLE if no majority of the cluster answers within the deadline;
   *     PERMISSION if it refuses this client; INVALID if a PEM file cannot be used
   */
  public static EtcdStore open(EtcdConfig config) {
    ExecutorService threads = Executors.newCachedThreadPool(task -> {
      Thread thread = new Thread(task, "n0core-etcd");
      thread.setDaemon(true);
      return thread;
    });
    boolean opened = false;
    try {
      EtcdStore store = new EtcdStore(config, threads);
      try {
        store.lists.revision();
        opened = true;
        return store;
      } finally {
        if (!opened) {
          store.close();
        }
      }
    } finally {
      if (!opened) {
        threads.shutdownNow();
      }
    }
  }

  private static Client client(EtcdConfig config, ExecutorService threads) {
    var builder = Client.builder()
        .endpoints(config.endpoints())
        .executorService(threads)
        .connectTimeout(CONNECT)
        .keepaliveTime(KEEPALIVE)
        .keepaliveTimeout(KEEPALIVE_TIMEOUT)
        .keepaliveWithoutCalls(false) // a server ends connections that ask too often
        .maxInboundMessageSize(MOST_MESSAGE_BYTES)
        .waitForReady(false) // calls are repeated here, where it is known what may be
        .retryMaxAttempts(1)
        .interceptor(new EtcdCalls.Deadlines());
    config.tls().ifPresent(tls -> builder.sslContext(ssl(tls)));
    return builder.build();
  }

  private static SslContext ssl(EtcdTls tls) {
    try {
      SslContextBuilder builder =
          GrpcSslContexts.forClient().trustManager(tls.trusted().toFile());
      if (tls.certificate().isPresent() && tls.key().isPresent()) {
        builder.keyManager(tls.certificate().get().toFile(), tls.key().get().toFile());
      }
      return builder.build();
    } catch (IOException | IllegalArgumentException e) {
      throw new N0Exception(
          Code.INVALID, "tls", "read certificates of " + tls.trusted() + ": " + e.getMessage(), e);
    }
  }

  @Override
  public Optional<Versioned> find(String key) {
    StoreRules.key(key);
    GetResponse answer =
        calls.read("find record \"" + key + "\"", client -> client.getKVClient().get(keys.of(key)));
    return answer.getKvs().stream().findFirst().map(keys::record);
  }

  @Override
  public List<Versioned> list(String prefix) {
    if (!prefix.isEmpty()) {
      StoreRules.key(prefix);
    }
    return lists.below(prefix).records();
  }

  @Override
  public long put(String key, String value, long expectedRevision) {
    StoreRules.key(key);
    StoreRules.value(value);
    String operation = "write record \"" + key + "\"";
    requireOpen(operation);
    ByteSequence name = keys.of(key);
    String mark = UUID.randomUUID().toString();
    Op put = Op.put(name, EtcdKeys.value(mark, value), PutOption.DEFAULT);
    EtcdCalls.Call call = calls.call(operation);
    TxnResponse answer = call.await(client -> change(client, name, expectedRevision, put));
    if (answer.isSucceeded()) {
      return answer.getHeader().getRevision();
    }
    Optional<KeyValue> found = found(answer);
    if (found.isPresent() && EtcdKeys.mark(found.get()).equals(Optional.of(mark))) {
      return found.get().getModRevision(); // the answer to an earlier try was lost
    }
    throw overtaken(call, operation, expectedRevision, found);
  }

  @Override
  public void delete(String key, long expectedRevision) {
    StoreRules.key(key);
    String operation = "delete record \"" + key + "\"";
    requireOpen(operation);
    if (expectedRevision == NONE) {
      throw precondition(operation + ": there is none at revision " + NONE);
    }
    ByteSequence name = keys.of(key);
    EtcdCalls.Call call = calls.call(operation);
    Op delete = Op.delete(name, DeleteOption.DEFAULT);
    TxnResponse answer = call.await(client -> change(client, name, expectedRevision, delete));
    if (answer.isSucceeded()) {
      return;
    }
    Optional<KeyValue> found = found(answer);
    if (call.mayHaveHappened() && found.isEmpty()) {
      return; // by an earlier try or by somebody else: what was to go is gone
    }
    throw overtaken(call, operation, expectedRevision, found);
  }

  private static CompletableFuture<TxnResponse> change(
      Client client, ByteSequence name, long expected, Op change) {
    return client
        .getKVClient()
        .txn()
        .If(new Cmp(name, Cmp.Op.EQUAL, CmpTarget.modRevision(expected)))
        .Then(change)
        .Else(Op.get(name, GetOption.DEFAULT))
        .commit();
  }

  private static Optional<KeyValue> found(TxnResponse answer) {
    return answer.getGetResponses().stream()
        .flatMap(response -> response.getKvs().stream())
        .findFirst();
  }

  private static N0Exception overtaken(
      EtcdCalls.Call call, String operation, long expected, Optional<KeyValue> found) {
    long now = found.map(KeyValue::getModRevision).orElse(NONE);
    String reason = "expected revision " + expected + ", found " + now;
    if (call.mayHaveHappened()) {
      // An earlier try may have come first, and another writer after it.
      return new UnknownOutcomeException(operation, new IllegalStateException(reason));
    }
    return precondition(operation + ": " + reason);
  }

  @Override
  public Subscription watch(Executor executor, Listener listener) {
    requireOpen("watch the store");
    return watch.subscribe(executor, listener);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      watch.close();
      connection.close();
      threads.shutdown();
    }
  }

  private void requireOpen(String operation) {
    if (closed) {
      throw precondition(operation + ": the store is closed");
    }
  }

  private static N0Exception precondition(String message) {
    return new N0Exception(Code.PRECONDITION, "store", message);
  }
}
