package io.n0stack.n0core.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeliveryTest {
  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private final List<Integer> heard = Collections.synchronizedList(new ArrayList<>());

  @Test
  void offeringRunsNothing() {
    Delivery<Integer> delivery = new Delivery<>(Runnable::run, heard::add, () -> {});

    delivery.offer(1);

    assertThat(heard).isEmpty();
  }

  @Test
  void oneTaskDeliversAllThatWasOfferedInOrder() {
    Delivery<Integer> delivery = new Delivery<>(tasks::add, heard::add, () -> {});

    IntStream.range(0, 5).forEach(i -> {
      delivery.offer(i);
      delivery.dispatch();
    });

    assertThat(tasks).hasSize(1);
    tasks.remove().run();
    assertThat(heard).containsExactly(0, 1, 2, 3, 4);
  }

  @Test
  void eventsOfManyProducersAreDeliveredInTheirOrderOneAtATime() throws InterruptedException {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    AtomicInteger inside = new AtomicInteger();
    AtomicBoolean overlapped = new AtomicBoolean();
    CountDownLatch all = new CountDownLatch(4000);
    Delivery<Integer> delivery = new Delivery<>(
        pool,
        event -> {
          overlapped.compareAndSet(false, inside.incrementAndGet() != 1);
          heard.add(event);
          inside.decrementAndGet();
          all.countDown();
        },
        () -> {});
    Object order = new Object();
    int[] next = {0};

    List<Thread> producers = IntStream.range(0, 4)
        .mapToObj(i -> new Thread(() -> {
          for (int n = 0; n < 1000; n++) {
            synchronized (order) {
              delivery.offer(next[0]++);
            }
            delivery.dispatch();
          }
        }))
        .toList();
    producers.forEach(Thread::start);

    assertThat(all.await(30, TimeUnit.SECONDS)).isTrue();
    pool.shutdown();
    assertThat(overlapped).isFalse();
    assertThat(heard).containsExactlyElementsOf(IntStream.range(0, 4000).boxed().toList());
  }

  @Test
  void theListenerMayOfferAndCloseSinceNoLockIsHeld() throws InterruptedException {
    List<Delivery<Integer>> self = new ArrayList<>();
    AtomicBoolean entered = new AtomicBoolean();
    self.add(new Delivery<>(
        Runnable::run,
        event -> {
          heard.add(event);
          Thread other = new Thread(() -> {
            self.get(0).offer(event + 1);
            entered.set(true);
          });
          other.start();
          join(other);
          if (event == 3) {
            self.get(0).close();
          }
        },
        () -> {}));

    self.get(0).offer(1);
    self.get(0).dispatch();

    assertThat(entered).isTrue();
    assertThat(heard).containsExactly(1, 2, 3);
  }

  @Test
  void whatFollowsAListenersExceptionIsStillDelivered() {
    Delivery<Integer> delivery = new Delivery<>(
        tasks::add,
        event -> {
          heard.add(event);
          if (event == 1) {
            throw new IllegalStateException("listener");
          }
        },
        () -> {});
    delivery.offer(1);
    delivery.offer(2);
    delivery.dispatch();

    org.assertj.core.api.Assertions.assertThatIllegalStateException()
        .isThrownBy(tasks.remove()::run);
    tasks.remove().run();

    assertThat(heard).containsExactly(1, 2);
  }

  @Test
  void anExecutorThatRefusesHarmsNeitherProducerNorLaterDelivery() {
    AtomicBoolean full = new AtomicBoolean(true);
    Delivery<Integer> delivery = new Delivery<>(
        task -> {
          if (full.get()) {
            throw new RejectedExecutionException("full");
          }
          task.run();
        },
        heard::add,
        () -> {});
    delivery.offer(1);
    delivery.dispatch();
    full.set(false);

    delivery.offer(2);
    delivery.dispatch();

    assertThat(heard).containsExactly(1, 2);
  }

  @Test
  void anExecutorWithoutAThreadHarmsNeitherProducerNorLaterDelivery() {
    AtomicBoolean exhausted = new AtomicBoolean(true);
    Delivery<Integer> delivery = new Delivery<>(
        task -> {
          if (exhausted.get()) {
            throw new OutOfMemoryError("unable to create native thread");
          }
          task.run();
        },
        heard::add,
        () -> {});
    delivery.offer(1);
    delivery.dispatch();
    exhausted.set(false);

    delivery.offer(2);
    delivery.dispatch();

    assertThat(heard).containsExactly(1, 2);
  }

  @Test
  void anExecutorThatIsBrokenSilencesNoListenerForGood() {
    AtomicBoolean broken = new AtomicBoolean(true);
    Delivery<Integer> delivery = new Delivery<>(
        task -> {
          tasks.add(task);
          if (broken.get()) {
            throw new IllegalStateException("broken");
          }
        },
        heard::add,
        () -> {});
    delivery.offer(1);
    org.assertj.core.api.Assertions.assertThatIllegalStateException()
        .isThrownBy(delivery::dispatch);
    broken.set(false);

    delivery.dispatch();

    assertThat(tasks).hasSize(2);
    tasks.remove().run();
    assertThat(heard).as("that turn was given up").isEmpty();
    tasks.remove().run();
    assertThat(heard).containsExactly(1);
  }

  @Test
  void nothingIsDeliveredAfterClose() {
    AtomicInteger closed = new AtomicInteger();
    Delivery<Integer> delivery = new Delivery<>(tasks::add, heard::add, closed::incrementAndGet);
    delivery.offer(1);
    delivery.dispatch();

    delivery.close();
    delivery.close();
    delivery.offer(2);
    delivery.dispatch();
    tasks.forEach(Runnable::run);

    assertThat(heard).isEmpty();
    assertThat(closed).hasValue(1);
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
