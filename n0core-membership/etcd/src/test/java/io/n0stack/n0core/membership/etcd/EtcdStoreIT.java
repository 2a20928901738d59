package io.n0stack.n0core.membership.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ETCD)
@Timeout(180)
class EtcdStoreIT {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final Duration DEADLINE = Duration.ofSeconds(5);
  private static final int OUTAGE_SECONDS = 30;
  private static final Duration SHORT = Duration.ofSeconds(2);

  @TempDir
  Path directory;

  private Optional<EtcdCluster> running = Optional.empty();

  @AfterEach
  void stop() {
    running.ifPresent(EtcdCluster::close);
  }

  private EtcdCluster cluster(int members) {
    EtcdCluster cluster = EtcdCluster.start(directory, members);
    running = Optional.of(cluster);
    return cluster;
  }

  /** Opens a store whose calls soon give up; that it is opened may take longer. */
  private static EtcdStore hasty(EtcdConfig config) {
    return await()
        .atMost(LONG)
        .ignoreExceptionsInstanceOf(N0Exception.class)
        .until(() -> EtcdStore.open(config.withDeadline(SHORT)), store -> true);
  }

  @Test
  void whatWasAcknowledgedOutlivesTheServerAndAWatcherGoesOnAfterwards() {
    EtcdCluster cluster = cluster(1);
    List<String> heard = new CopyOnWriteArrayList<>();
    try (EtcdStore store = EtcdStore.open(cluster.config().withDeadline(LONG))) {
      store.watch(Runnable::run, (key, now) -> heard.add(key));
      store.put("node/a", "1", Store.NONE);
      cluster.kill(0);
      cluster.restart(0);

      store.put("node/b", "2", Store.NONE);

      assertThat(store.list("node")).extracting(Versioned::key).containsExactly("node/a", "node/b");
      await()
          .atMost(LONG)
          .untilAsserted(() -> assertThat(heard).containsExactly("node/a", "node/b"));
    }
  }

  /** By itself gRPC would let more than the deadline pass before it tries again. */
  @Test
  void afterALongOutageEtcdIsUsedAgainWithinADeadlineThoughNobodyHasCalled() throws Exception {
    EtcdCluster cluster = cluster(1);
    List<String> heard = new CopyOnWriteArrayList<>();
    try (EtcdStore calling = EtcdStore.open(cluster.config().withDeadline(LONG));
        EtcdStore watching = EtcdStore.open(cluster.config().withDeadline(LONG));
        EtcdStore idle = EtcdStore.open(cluster.config().withDeadline(DEADLINE))) {
      watching.watch(Runnable::run, (key, now) -> heard.add(key));
      cluster.kill(0);
      CompletableFuture<Long> put =
          CompletableFuture.supplyAsync(() -> calling.put("node/a", "1", Store.NONE));
      TimeUnit.SECONDS.sleep(OUTAGE_SECONDS);
      cluster.restart(0);
      cluster.awaitServing();

      assertThat(idle.put("node/b", "2", Store.NONE)).isPositive();
      assertThat(put.get(LONG.toSeconds(), TimeUnit.SECONDS)).isPositive();
      await()
          .atMost(LONG)
          .untilAsserted(() -> assertThat(heard).containsExactlyInAnyOrder("node/a", "node/b"));
    }
  }

  @Test
  void aKilledLeaderCostsTimeButNoRecordAndNoEvent() throws Exception {
    EtcdCluster cluster = cluster(3);
    List<String> heard = new CopyOnWriteArrayList<>();
    try (EtcdStore store = EtcdStore.open(cluster.config().withDeadline(LONG))) {
      store.watch(
          Runnable::run, (key, now) -> heard.add(now.map(Versioned::value).orElse("gone")));
      long revision = Store.NONE;
      for (int i = 0; i < 60; i++) {
        if (i == 20) {
          cluster.kill(cluster.leader());
        }
        revision = store.put("node/a", "" + i, revision);
      }

      assertThat(store.find("node/a")).contains(new Versioned("node/a", "59", revision));
      await().atMost(LONG).untilAsserted(() -> assertThat(heard).hasSize(60));
      assertThat(heard).extracting(Integer::parseInt).isSorted().doesNotHaveDuplicates();
    }
  }

  @Test
  void withoutAMajorityCallsSayThatTheOutcomeIsUnknownAndNothingIsLost() {
    EtcdCluster cluster = cluster(3);
    try (EtcdStore store = EtcdStore.open(cluster.config().withDeadline(LONG));
        EtcdStore hasty = hasty(cluster.config())) {
      long revision = store.put("node/a", "kept", Store.NONE);
      cluster.kill(0);
      cluster.kill(1);
      long begun = System.nanoTime();

      refused(Code.UNAVAILABLE, () -> hasty.put("node/b", "perhaps", Store.NONE));
      refused(Code.UNAVAILABLE, () -> hasty.find("node/a"));
      refused(Code.UNAVAILABLE, () -> hasty.list("node"));
      refused(Code.UNAVAILABLE, () -> hasty.delete("node/a", revision + 1));
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(40));
      cluster.restart(0);
      cluster.restart(1);

      assertThat(store.find("node/a")).contains(new Versioned("node/a", "kept", revision));
      assertThat(store.find("node/b").map(Versioned::value).orElse("perhaps")).isEqualTo("perhaps");
    }
  }

  @Test
  void aStoppedMemberIsWorkedAround() {
    EtcdCluster cluster = cluster(3);
    try (EtcdStore store = EtcdStore.open(cluster.config().withDeadline(LONG))) {
      store.put("node/a", "1", Store.NONE);
      cluster.signal(1, "STOP");
      try {
        for (int i = 0; i < 6; i++) {
          store.put("node/b" + i, "2", Store.NONE);
        }
      } finally {
        cluster.signal(1, "CONT");
      }

      assertThat(store.list("node")).hasSize(7);
    }
  }

  @Test
  void aPutWhoseAnswerWasLostIsRecognised() throws Exception {
    EtcdCluster cluster = cluster(1);
    try (Line line = new Line(cluster.port(0));
        EtcdStore far = EtcdStore.open(EtcdConfig.of(line.address()).withDeadline(LONG));
        EtcdStore near = EtcdStore.open(cluster.config())) {
      far.put("node/a", "0", Store.NONE);
      line.become(Line.State.ANSWERS_LOST);

      CompletableFuture<Long> put =
          CompletableFuture.supplyAsync(() -> far.put("node/b", "1", Store.NONE));
      await().atMost(LONG).until(() -> near.find("node/b").isPresent());
      line.become(Line.State.OPEN);

      assertThat(put.get(60, TimeUnit.SECONDS))
          .isEqualTo(near.find("node/b").orElseThrow().revision());
    }
  }

  @Test
  void aPutWhoseAnswerStaysLostIsOfUnknownOutcome() {
    EtcdCluster cluster = cluster(1);
    try (Line line = new Line(cluster.port(0));
        EtcdStore far = hasty(EtcdConfig.of(line.address()))) {
      line.become(Line.State.ANSWERS_LOST);

      assertThat(refused(Code.UNAVAILABLE, () -> far.put("node/b", "1", Store.NONE)))
          .isInstanceOf(UnknownOutcomeException.class);
    }
  }

  @Test
  void aDeletionWhoseAnswerWasLostIsDone() throws Exception {
    EtcdCluster cluster = cluster(1);
    try (Line line = new Line(cluster.port(0));
        EtcdStore far = EtcdStore.open(EtcdConfig.of(line.address()).withDeadline(LONG));
        EtcdStore near = EtcdStore.open(cluster.config())) {
      long revision = far.put("node/a", "0", Store.NONE);
      line.become(Line.State.ANSWERS_LOST);

      CompletableFuture<Void> deletion =
          CompletableFuture.runAsync(() -> far.delete("node/a", revision));
      await().atMost(LONG).until(() -> near.find("node/a").isEmpty());
      line.become(Line.State.OPEN);

      assertThat(deletion).succeedsWithin(LONG);
    }
  }

  @Test
  void aWatcherThatWasCutOffHearsWhatChangedMeanwhile() {
    EtcdCluster cluster = cluster(1);
    List<String> heard = new CopyOnWriteArrayList<>();
    try (Line line = new Line(cluster.port(0));
        EtcdStore far = EtcdStore.open(EtcdConfig.of(line.address()).withDeadline(LONG));
        EtcdStore near = EtcdStore.open(cluster.config())) {
      far.watch(Runnable::run, (key, now) -> heard.add(event(key, now)));
      long first = near.put("node/a", "1", Store.NONE);
      await().atMost(LONG).until(() -> heard.size() == 1);
      line.become(Line.State.CUT);
      long second = near.put("node/a", "2", first);
      near.put("node/b", "1", Store.NONE);
      near.delete("node/a", second);
      line.become(Line.State.OPEN);

      await()
          .atMost(LONG)
          .untilAsserted(() -> assertThat(heard).containsExactly("a=1", "a=2", "b=1", "a gone"));
    }
  }

  @Test
  void aWatcherThatEtcdHasForgottenHearsTheDifference() throws Exception {
    EtcdCluster cluster = cluster(1);
    List<String> heard = new CopyOnWriteArrayList<>();
    try (Line line = new Line(cluster.port(0));
        EtcdStore far = EtcdStore.open(EtcdConfig.of(line.address()).withDeadline(LONG));
        EtcdStore near = EtcdStore.open(cluster.config())) {
      far.watch(Runnable::run, (key, now) -> heard.add(event(key, now)));
      long first = near.put("node/a", "1", Store.NONE);
      near.put("node/c", "1", Store.NONE);
      await().atMost(LONG).until(() -> heard.size() == 2);
      line.become(Line.State.CUT);
      long second = near.put("node/a", "2", first);
      near.put("node/b", "1", Store.NONE);
      near.delete("node/a", second);
      cluster.compact();
      line.become(Line.State.OPEN);
      await().atMost(LONG).until(() -> heard.size() == 4);
      near.put("node/d", "1", Store.NONE);

      await()
          .atMost(LONG)
          .untilAsserted(
              () -> assertThat(heard).containsExactly("a=1", "c=1", "a gone", "b=1", "d=1"));
    }
  }

  private static String event(String key, Optional<Versioned> now) {
    return key.replace("node/", "") + now.map(record -> "=" + record.value()).orElse(" gone");
  }

  @Test
  void aListenerMayCallTheStore() {
    EtcdCluster cluster = cluster(1);
    List<String> heard = new CopyOnWriteArrayList<>();
    try (EtcdStore store = EtcdStore.open(cluster.config())) {
      store.watch(Runnable::run, (key, now) -> {
        if (key.equals("node/a")) {
          store.put("node/b", store.find(key).orElseThrow().value(), Store.NONE);
        }
        heard.add(key);
      });
      store.put("node/a", "1", Store.NONE);

      await()
          .atMost(LONG)
          .untilAsserted(() -> assertThat(heard).containsExactly("node/a", "node/b"));
    }
  }

  @Test
  void recordsOfOthersAreReadAndTheirOtherKeysAreLeftAlone() throws Exception {
    EtcdCluster cluster = cluster(1);
    cluster.write("/n0core/node/a", "by hand");
    cluster.write("/n0core/Not A Key", "x");
    cluster.write("/n0core/node", "0 is after /");
    cluster.write("/n0core0", "outside");

    try (EtcdStore store = EtcdStore.open(cluster.config())) {
      assertThat(store.list("")).extracting(Versioned::key).containsExactly("node", "node/a");
      long revision = store.find("node/a").orElseThrow().revision();
      assertThat(store.find("node/a").orElseThrow().value()).isEqualTo("by hand");
      store.put("node/a", "by us", revision);
      assertThat(store.find("node/a").orElseThrow().value()).isEqualTo("by us");
    }
  }

  @Test
  void storesOfTwoPrefixesDoNotSeeEachOther() {
    EtcdCluster cluster = cluster(1);
    try (EtcdStore one = EtcdStore.open(cluster.config().withPrefix("/a"));
        EtcdStore other = EtcdStore.open(cluster.config().withPrefix("/a/b"))) {
      other.put("node/x", "1", Store.NONE);

      assertThat(one.list("node")).isEmpty();
      assertThat(other.list("")).hasSize(1);
    }
  }

  @Test
  void nobodyThereIsUnavailableAndNothingWasSent() {
    String address;
    try (Line nobody = new Line(1)) {
      address = nobody.address();
    }

    assertThat(refused(
            Code.UNAVAILABLE,
            () -> EtcdStore.open(EtcdConfig.of(address).withDeadline(Duration.ofMillis(700)))))
        .isNotInstanceOf(UnknownOutcomeException.class);
  }

  @Test
  void withTlsOnlyAClientWithItsCertificateIsServed() throws Exception {
    Certificates pem = Certificates.make(directory);
    EtcdCluster cluster = EtcdCluster.start(
        directory,
        1,
        List.of(
            "--cert-file=" + pem.path("server.pem"),
            "--key-file=" + pem.path("server.key"),
            "--trusted-ca-file=" + pem.path("ca.pem"),
            "--client-cert-auth=true"));
    running = Optional.of(cluster);
    EtcdTls trusting = EtcdTls.trusting(pem.path("ca.pem"));
    EtcdTls known = trusting.withCertificate(pem.path("client.pem"), pem.path("client.key"));
    try (EtcdStore store = EtcdStore.open(cluster.config().withTls(known).withDeadline(LONG))) {
      store.put("node/a", "1", Store.NONE);
      assertThat(store.list("")).hasSize(1);
    }

    EtcdConfig hasty = cluster.config().withDeadline(SHORT);
    refused(Code.UNAVAILABLE, () -> EtcdStore.open(hasty.withTls(trusting)));
    refused(Code.UNAVAILABLE, () -> EtcdStore.open(hasty));
    EtcdTls stranger = EtcdTls.trusting(pem.path("stranger.pem"))
        .withCertificate(pem.path("client.pem"), pem.path("client.key"));
    refused(Code.UNAVAILABLE, () -> EtcdStore.open(hasty.withTls(stranger)));
    EtcdTls missing = EtcdTls.trusting(directory.resolve("nowhere.pem"));
    refused(Code.INVALID, () -> EtcdStore.open(hasty.withTls(missing)));
  }

  private static N0Exception refused(Code code, ThrowingCallable call) {
    N0Exception refusal = catchThrowableOfType(N0Exception.class, call);
    assertThat(refusal).as("nothing was refused").isNotNull();
    assertThat(refusal.code()).as(refusal.toString()).isEqualTo(code);
    return refusal;
  }
}
