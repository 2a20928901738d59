package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Reservation.Address;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import io.n0stack.n0core.tck.Repetition;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class StoreReservationsTest {
  private static final UUID WEB1 = new UUID(0, 1);
  private static final UUID WEB2 = new UUID(0, 2);
  private static final Set<Thread.State> WAITING =
      Set.of(Thread.State.BLOCKED, Thread.State.WAITING, Thread.State.TIMED_WAITING);
  private static final Resources HALF = new Resources(2000, 4, 8);

  @TempDir
  Path directory;

  private Store store;
  private StoreReservations reservations;

  @BeforeEach
  void open() {
    store = FileStore.open(directory.resolve("store"));
    reservations = StoreReservations.of(store);
    save("node-1", new Resources(4000, 8, 16));
  }

  @AfterEach
  void close() {
    store.close();
  }

  private void save(String name, Resources resources) {
    Node node = Node.builder(name, "127.0.0.1:1").resources(resources).build();
    String key = "node/" + name;
    store.put(
        key, NodeJson.encode(node), store.find(key).map(Versioned::revision).orElse(Store.NONE));
  }

  @Test
  void whatIsReservedIsFoundAndCountedUntilItIsReleased() throws UnknownHostException {
    Reservation wanted =
        Reservation.of("node-1", WEB1, HALF).withAddresses(Set.of(v4("192.0.2.1"), v6()));

    reservations.reserve(wanted);
    reservations.reserve(wanted);

    assertThat(reservations.find(WEB1)).contains(wanted);
    assertThat(reservations.reserved("node-1")).isEqualTo(HALF);
    assertThat(reservations.owners("node-1")).containsExactly(WEB1);
    reservations.release(WEB1);
    reservations.release(WEB1);
    assertThat(reservations.find(WEB1)).isEmpty();
    assertThat(reservations.reserved("node-1")).isEqualTo(Resources.NONE);
    assertThat(store.list("claim")).isEmpty();
    assertThat(store.list("address")).isEmpty();
  }

  /** A store that keeps those waiting who write, until it is told. */
  private Store away(CountDownLatch writing, CountDownLatch back) {
    return (Store) Proxy.newProxyInstance(
        Store.class.getClassLoader(), new Class<?>[] {Store.class}, (proxy, method, arguments) -> {
          if (method.getName().equals("put")) {
            writing.countDown();
            back.await();
          }
          return method.invoke(store, arguments);
        });
  }

  @Test
  void whoWaitsForAStoreThatKeepsAnotherWaitingCanBeInterrupted() throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch back = new CountDownLatch(1);
    StoreReservations stuck = StoreReservations.of(away(writing, back));
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<?> first = threads.submit(() -> stuck.reserve(Reservation.of("node-1", WEB1, HALF)));
      writing.await();
      CompletableFuture<N0Exception> refusal = new CompletableFuture<>();
      Thread second = new Thread(() -> refusal.complete(catchThrowableOfType(
          N0Exception.class, () -> stuck.reserve(Reservation.of("node-1", WEB2, HALF)))));
      second.start();
      await().until(() -> WAITING.contains(second.getState()));
      second.interrupt();

      assertThat(refusal.get(30, TimeUnit.SECONDS).code()).isEqualTo(Code.CANCELLED);
      back.countDown();
      first.get(30, TimeUnit.SECONDS);
      assertThat(reservations.owners("node-1")).containsExactly(WEB1);
      assertThat(store.list("claim")).hasSize(1);
    } finally {
      back.countDown();
      threads.shutdown();
    }
  }

  @Test
  void whoseTurnDoesNotComeInTimeIsBusy() throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch back = new CountDownLatch(1);
    StoreReservations stuck = StoreReservations.of(away(writing, back), Duration.ofMillis(200));
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<?> first = threads.submit(() -> stuck.reserve(Reservation.of("node-1", WEB1, HALF)));
      writing.await();
      Future<?> second = threads.submit(() -> stuck.reserve(Reservation.of("node-1", WEB2, HALF)));

      refused(Code.BUSY, () -> {
        try {
          second.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
          throw e.getCause();
        }
      });
      back.countDown();
      first.get(30, TimeUnit.SECONDS);
      assertThat(reservations.owners("node-1")).containsExactly(WEB1);
    } finally {
      back.countDown();
      threads.shutdown();
    }
  }

  @Test
  void anAddressThatIsTakenOnlyAfterTheClaimHasGoneIsGivenBack() throws Exception {
    Reservation other = Reservation.of("node-1", WEB1, HALF);
    Reservation wanted = other.withAddresses(Set.of(v4("192.0.2.1")));
    AtomicBoolean quick = new AtomicBoolean(true);
    Store overtaken = (Store) Proxy.newProxyInstance(
        Store.class.getClassLoader(), new Class<?>[] {Store.class}, (proxy, method, arguments) -> {
          if (method.getName().equals("put")
              && arguments[0].toString().startsWith("address/")
              && quick.getAndSet(false)) {
            reservations.release(WEB1);
            reservations.reserve(other);
          }
          return method.invoke(store, arguments);
        });

    refused(Code.PRECONDITION, () -> StoreReservations.of(overtaken).reserve(wanted));

    assertThat(store.list("address")).isEmpty();
    assertThat(reservations.find(WEB1)).contains(other);
  }

  @Test
  void whatIsShortIsNamedAndNothingStaysTaken() throws UnknownHostException {
    reservations.reserve(Reservation.of("node-1", WEB1, HALF));
    Reservation large = Reservation.of("node-1", WEB2, new Resources(2001, 4, 9))
        .withAddresses(Set.of(v4("192.0.2.1")));

    assertThat(refused(Code.EXHAUSTED, () -> reservations.reserve(large)))
        .hasMessageContaining("cpu.millicores: 2001 wanted, 2000 free")
        .hasMessageContaining("storage.bytes: 9 wanted, 8 free")
        .hasMessageNotContaining("memory");
    assertThat(reservations.reserved("node-1")).isEqualTo(HALF);
    assertThat(reservations.find(WEB2)).isEmpty();
    assertThat(store.list("address")).isEmpty();
    reservations.reserve(Reservation.of("node-1", WEB2, HALF));
  }

  @Test
  void anAddressHasOneOwnerInItsNetwork() throws UnknownHostException {
    save("node-2", new Resources(4000, 8, 16));
    Set<Address> address = Set.of(v4("192.0.2.1"));
    reservations.reserve(Reservation.of("node-1", WEB1, HALF).withAddresses(address));

    assertThat(refused(
            Code.EXHAUSTED,
            () ->
                reservations.reserve(Reservation.of("node-2", WEB2, HALF).withAddresses(address))))
        .hasMessageContaining("lan/192.0.2.1")
        .hasMessageContaining(WEB1.toString());
    assertThat(reservations.reserved("node-2")).isEqualTo(Resources.NONE);
    Address elsewhere = new Address("dmz", v4("192.0.2.1").ip());
    reservations.reserve(Reservation.of("node-2", WEB2, HALF).withAddresses(Set.of(elsewhere)));
    reservations.release(WEB1);
    UUID third = new UUID(0, 3);
    reservations.reserve(Reservation.of("node-2", third, HALF).withAddresses(address));
  }

  @Test
  void sumsThatOverflowAreExhausted() {
    save("node-1", new Resources(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE));
    Resources most = new Resources(Long.MAX_VALUE - 1, 1, 1);
    reservations.reserve(Reservation.of("node-1", WEB1, most));

    refused(Code.EXHAUSTED, () -> reservations.reserve(Reservation.of("node-1", WEB2, most)));
    reservations.reserve(Reservation.of("node-1", WEB2, new Resources(1, 0, 0)));
    assertThat(reservations.reserved("node-1").cpuMilliCores()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void anOwnerHasOneReservation() {
    save("node-2", HALF);
    reservations.reserve(Reservation.of("node-1", WEB1, HALF));

    refused(Code.PRECONDITION, () -> reservations.reserve(Reservation.of("node-2", WEB1, HALF)));
    refused(
        Code.PRECONDITION,
        () -> reservations.reserve(Reservation.of("node-1", WEB1, Resources.NONE)));
    refused(Code.NOT_FOUND, () -> reservations.reserve(Reservation.of("node-3", WEB2, HALF)));
    assertThat(store.list("claim")).hasSize(1);
  }

  @Test
  void whatCannotBeReadGivesNothingAway() {
    store.put("reserved/node-1", "{}", Store.NONE);

    refused(Code.UNAVAILABLE, () -> reservations.reserve(Reservation.of("node-1", WEB1, HALF)));
    assertThat(store.find("reserved/node-1").orElseThrow().value()).isEqualTo("{}");
  }

  @Test
  void aClosedStoreIsSaidSoAtOnce() {
    store.close();

    refused(Code.PRECONDITION, () -> reservations.reserve(Reservation.of("node-1", WEB1, HALF)));
  }

  /** Dies before each of its writes in turn; the next one to come completes or undoes what was begun. */
  @Test
  void whereverAProcessDiesNothingLeaksAndNothingIsGivenTwice() throws UnknownHostException {
    for (boolean again : List.of(true, false)) {
      for (int writes = 0; writes < 12; writes++) {
        Reservation wanted = Reservation.of("node-1", WEB1, HALF)
            .withAddresses(Set.of(v4("192.0.2.1"), v4("192.0.2.2")));
        StoreReservations mortal = StoreReservations.of(new MortalStore(store, writes));
        var unused = catchThrowableOfType(MortalStore.Died.class, () -> {
          mortal.reserve(wanted);
          mortal.release(WEB1);
        });

        if (again) {
          reservations.reserve(wanted);
          assertThat(reservations.reserved("node-1")).as("died at %d", writes).isEqualTo(HALF);
          assertThat(store.list("address")).hasSize(2);
        }
        reservations.release(WEB1);

        assertThat(reservations.reserved("node-1"))
            .as("died at %d", writes)
            .isEqualTo(Resources.NONE);
        assertThat(store.list("claim")).isEmpty();
        assertThat(store.list("address")).isEmpty();
      }
    }
  }

  @Test
  void manyReserversNeverTakeMoreThanThereIs() throws Exception {
    long seed = System.nanoTime();
    save("node-2", new Resources(4000, 8, 16));
    List<Callable<Boolean>> reservers = new ArrayList<>();
    for (int thread = 0; thread < 16; thread++) {
      long own = seed + thread;
      // Each its own object, so that nothing but the store keeps them apart.
      reservers.add(() -> reserveAtRandom(StoreReservations.of(store), new Random(own)));
    }
    ExecutorService threads = Executors.newFixedThreadPool(reservers.size());
    try {
      for (Future<Boolean> done : threads.invokeAll(reservers, 100, TimeUnit.SECONDS)) {
        assertThat(done.get()).as("seed %d", seed).isTrue();
      }
    } finally {
      threads.shutdownNow();
    }
    for (String node : List.of("node-1", "node-2")) {
      Resources sum = Resources.NONE;
      for (UUID owner : reservations.owners(node)) {
        Reservation held = reservations.find(owner).orElseThrow();
        assertThat(held.node()).isEqualTo(node);
        sum = sum.plus(held.resources());
      }
      assertThat(reservations.reserved(node)).isEqualTo(sum);
      assertThat(new Resources(4000, 8, 16).shortOf(sum)).as("seed %d", seed).isEmpty();
    }
    assertThat(store.list("address")).hasSameSizeAs(store.list("claim"));
  }

  private boolean reserveAtRandom(StoreReservations mine, Random random)
      throws UnknownHostException {
    for (int i = 0; i < Repetition.of(20); i++) {
      UUID owner = new UUID(1, random.nextInt(8));
      String node = "node-" + (1 + random.nextInt(2));
      try {
        if (random.nextInt(3) == 0) {
          mine.release(owner);
        } else {
          Address address = v4("192.0.2." + (1 + random.nextInt(5)));
          mine.reserve(
              Reservation.of(node, owner, new Resources(900, 1, 1)).withAddresses(Set.of(address)));
        }
      } catch (N0Exception e) {
        assertThat(e.code()).as(e.toString()).isIn(Code.EXHAUSTED, Code.PRECONDITION);
      }
      for (String one : List.of("node-1", "node-2")) {
        assertThat(mine.reserved(one).cpuMilliCores()).isLessThanOrEqualTo(4000);
      }
    }
    return true;
  }

  private static Address v4(String text) throws UnknownHostException {
    return new Address("lan", InetAddress.getByName(text));
  }

  private static Address v6() throws UnknownHostException {
    return new Address("lan", InetAddress.getByName("2001:db8::1"));
  }

  private static N0Exception refused(Code code, ThrowingCallable call) {
    N0Exception refusal = catchThrowableOfType(N0Exception.class, call);
    assertThat(refusal).as("nothing was refused").isNotNull();
    assertThat(refusal.code()).as(refusal.toString()).isEqualTo(code);
    return refusal;
  }
}
