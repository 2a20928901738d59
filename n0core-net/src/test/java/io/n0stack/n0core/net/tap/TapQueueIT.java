package io.n0stack.n0core.net.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@Requires(Requirement.ROOT)
@IsolatedNetwork
class TapQueueIT {
  private static final long PATIENCE_NANOS = 2_000_000_000L;
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final int SIZE = 1500;
  private static final int SETTLED = 100_000;

  private Netlink netlink;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private void bridge(Tap... taps) {
    int bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    for (Tap tap : taps) {
      netlink.links().change(index(tap), LinkChange.none().withMaster(bridge).up());
    }
  }

  private int index(Tap tap) {
    return netlink.links().find(tap.name()).orElseThrow().index();
  }

  private void up(Tap tap) {
    netlink.links().change(index(tap), LinkChange.none().up());
  }

  private static ByteBuffer frame(ByteBuffer buffer, int at, int from, int to) {
    return buffer
        .put(at, (byte) 2) // locally administered
        .put(at + 5, (byte) to)
        .put(at + 6, (byte) 2)
        .put(at + 11, (byte) from)
        .putShort(at + 12, (short) 0x88b5) // the EtherType for local experiments
        .put(buffer.limit() - 1, (byte) 0x5a);
  }

  /** Sends one frame and waits whether it is the next of its kind that arrives. */
  private static boolean carry(Tap from, Tap to, ByteBuffer frame, ByteBuffer into, int at) {
    from.write(frame.rewind());
    // On a busy machine the kernel carries it a moment later.
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      boolean last = System.nanoTime() > deadline;
      if (to.read(into.clear()) == frame.limit() && into.getShort(at + 12) == (short) 0x88b5) {
        return into.get(at + 11) == frame.get(at + 11) && into.get(into.position() - 1) == 0x5a;
      }
      // Not before a read: this thread may have been kept from running all the time.
      if (last) {
        return false;
      }
    }
  }

  private static void assertFramesCostNoMemory(Tap one, Tap two, ByteBuffer there, int at) {
    ByteBuffer back = frame(ByteBuffer.allocateDirect(there.limit()), at, 2, 1);
    ByteBuffer into =
        there.isDirect() ? ByteBuffer.allocateDirect(2048) : ByteBuffer.allocate(2048);
    await().until(() -> carry(one, two, there, into, at) && carry(two, one, back, into, at));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = 0;
    for (int i = 0; i < 2 * SETTLED; i++) {
      if (i == SETTLED) {
        before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      }
      if (!carry(one, two, there, into, at)) {
        throw new AssertionError("frame " + i + " is lost");
      }
    }
    long allocated = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
    // The measurement itself allocates; a single byte per frame would be far more.
    assertThat(allocated).isLessThan(SETTLED / 2);
  }

  @Test
  void frameInDirectMemoryCostsNoAllocation() {
    try (Tap one = Tap.create("tap0");
        Tap two = Tap.create("tap1")) {
      bridge(one, two);
      assertFramesCostNoMemory(one, two, frame(ByteBuffer.allocateDirect(SIZE), 0, 1, 2), 0);
    }
  }

  @Test
  void frameInAnArrayCostsNoAllocationEither() {
    try (Tap one = Tap.create("tap0");
        Tap two = Tap.create("tap1")) {
      bridge(one, two);
      assertFramesCostNoMemory(one, two, frame(ByteBuffer.allocate(SIZE), 0, 1, 2), 0);
    }
  }

  @Test
  void frameWithVnetHeaderArrivesBehindOne() {
    try (Tap one = Tap.create(TapSpec.named("tap0").withVnetHeader());
        Tap two = Tap.create(TapSpec.named("tap1").withVnetHeader(12))) {
      bridge(one, two);
      two.resizeVnetHeader(10);
      assertThat(two.vnetHeaderBytes()).isEqualTo(10);
      ByteBuffer there = frame(ByteBuffer.allocateDirect(SIZE + 10), 10, 1, 2);
      ByteBuffer into = ByteBuffer.allocateDirect(2048);

      await().until(() -> carry(one, two, there, into, 10));
      assertThatThrownBy(() -> one.write(ByteBuffer.allocate(9)))
          .isInstanceOfSatisfying(
              OsException.class, e -> assertThat(e.errnoName()).isEqualTo("EINVAL"));
    }
  }

  @Test
  void positionOfTheBufferIsWhereTheFrameIs() {
    try (Tap one = Tap.create("tap0");
        Tap two = Tap.create("tap1")) {
      bridge(one, two);
      for (ByteBuffer large :
          new ByteBuffer[] {ByteBuffer.allocate(300), ByteBuffer.allocateDirect(300)}) {
        ByteBuffer frame = frame(large.duplicate().position(100).limit(200).slice(), 0, 1, 2);
        ByteBuffer into = large.duplicate();
        await().until(() -> {
          int written = one.write(large.position(100).limit(200));
          assertThat(written).isEqualTo(100);
          assertThat(large.position()).isEqualTo(200);
          return two.read(into.clear().position(150)) == 100;
        });
        assertThat(into.position()).isEqualTo(250);
        assertThat(into.getShort(162)).isEqualTo((short) 0x88b5);
        assertThat(frame.limit()).isEqualTo(100);
      }
    }
  }

  @Test
  void bufferThatCannotTakeAFrameIsRefused() {
    try (Tap tap = Tap.create("tap0")) {
      assertThatThrownBy(() -> tap.read(ByteBuffer.allocate(0)))
          .isInstanceOf(N0Exception.class)
          .hasMessageContaining("invalid into");
      assertThatThrownBy(() -> tap.read(ByteBuffer.allocateDirect(64).asReadOnlyBuffer()))
          .isInstanceOf(ReadOnlyBufferException.class);
      assertThatThrownBy(() -> tap.write(ByteBuffer.allocate(0)))
          .hasMessageContaining("invalid frame bytes");
      assertThatThrownBy(() -> tap.write(ByteBuffer.allocate(128 * 1024 + 1)))
          .hasMessageContaining("invalid frame bytes");
    }
  }

  @Test
  void linkThatIsDownAndFrameThatIsShortAreTold() {
    try (Tap tap = Tap.create("tap0")) {
      assertThatThrownBy(() -> tap.write(ByteBuffer.allocate(60)))
          .isInstanceOfSatisfying(
              OsException.class, e -> assertThat(e.errnoName()).isEqualTo("EIO"));
      up(tap);
      assertThatThrownBy(() -> tap.write(ByteBuffer.allocate(13)))
          .isInstanceOfSatisfying(
              OsException.class, e -> assertThat(e.errnoName()).isEqualTo("EINVAL"));
      assertThat(tap.write(ByteBuffer.allocate(60))).isEqualTo(60);
    }
  }

  @Test
  void linkThatIsDeletedWhileOpenIsNotFound() {
    try (Tap tap = Tap.create("tap0")) {
      netlink.links().delete(index(tap));

      for (Consumer<Tap> call : List.<Consumer<Tap>>of(
          t -> t.read(ByteBuffer.allocate(60)),
          t -> t.write(ByteBuffer.allocate(60)),
          Tap::persist)) {
        assertThatThrownBy(() -> call.accept(tap))
            .isInstanceOfSatisfying(
                N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND))
            .hasMessageContaining("the link is gone");
      }
    }
  }

  private static void drain(TapQueue queue) {
    ByteBuffer into = ByteBuffer.allocate(2048);
    await().until(() -> queue.read(into.clear(), Duration.ofMillis(50)) == 0);
  }

  @Test
  void waitEndsInTimeOrWithAFrame() {
    try (Tap one = Tap.create("tap0");
        Tap two = Tap.create("tap1")) {
      TapQueue queue = two.queues().get(0);
      ByteBuffer into = ByteBuffer.allocate(2048);
      long began = System.nanoTime();
      assertThat(queue.read(into, Duration.ofMillis(30))).isZero();
      assertThat(System.nanoTime() - began).isBetween(30_000_000L, 20_000_000_000L);
      assertThat(queue.read(into, Duration.ZERO)).isZero();
      assertThatThrownBy(() -> queue.read(into, Duration.ofMillis(-1)))
          .hasMessageContaining("invalid limit");

      bridge(one, two);
      CompletableFuture<Integer> got =
          CompletableFuture.supplyAsync(() -> queue.read(into, Duration.ofDays(200_000)));
      await().until(() -> {
        one.write(frame(ByteBuffer.allocate(100), 0, 1, 2));
        return got.isDone();
      });
      assertThat(got.join()).isPositive();
    }
  }

  @Test
  void closingEndsAWait() {
    assertWaitIsEndedBy((tap, reader) -> tap.queues().get(0).close(), N0Exception.Code.CANCELLED);
  }

  @Test
  void closingTheTapEndsAWait() {
    assertWaitIsEndedBy((tap, reader) -> tap.close(), N0Exception.Code.CANCELLED);
  }

  @Test
  void detachingEndsAWait() {
    assertWaitIsEndedBy(
        (tap, reader) -> tap.queues().get(0).detach(), N0Exception.Code.PRECONDITION);
  }

  @Test
  void deletionOfTheLinkEndsAWait() {
    assertWaitIsEndedBy(
        (tap, reader) -> netlink.links().delete(index(tap)), N0Exception.Code.NOT_FOUND);
  }

  @Test
  void interruptEndsAWait() {
    assertWaitIsEndedBy((tap, reader) -> reader.interrupt(), N0Exception.Code.CANCELLED);
  }

  private static void assertWaitIsEndedBy(BiConsumer<Tap, Thread> event, N0Exception.Code code) {
    try (Tap tap = Tap.create(TapSpec.named("tap0").withQueues(2))) {
      TapQueue queue = tap.queues().get(0);
      AtomicReference<Throwable> end = new AtomicReference<>();
      Thread reader = new Thread(() -> end.set(catchThrowable(
          () -> assertThat(queue.read(ByteBuffer.allocate(2048), LONG)).isNegative())));
      reader.start();
      await().until(() -> inPoll(reader));
      event.accept(tap, reader);
      // Long before its time is over.
      await().atMost(Duration.ofMinutes(1)).until(() -> !reader.isAlive());

      assertThat(end.get())
          .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
    }
  }

  private static boolean inPoll(Thread thread) {
    for (StackTraceElement frame : thread.getStackTrace()) {
      if (frame.getMethodName().equals("poll")) {
        return true;
      }
    }
    return false;
  }

  @Test
  @SuppressWarnings("try") // closed before its end, and then again
  void otherReadsAndWritesGoOnWhileOneWaits() {
    try (Tap tap = Tap.create("tap0")) {
      // Without them the kernel itself sends nothing that would end the wait.
      netlink
          .links()
          .change(index(tap), LinkChange.none().withoutGeneratedAddresses().up());
      TapQueue queue = tap.queues().get(0);
      drain(queue);
      CompletableFuture<Integer> waiting =
          CompletableFuture.supplyAsync(() -> queue.read(ByteBuffer.allocate(2048), LONG));

      assertThat(queue.read(ByteBuffer.allocate(2048), Duration.ofMillis(1))).isZero();
      assertThat(queue.write(ByteBuffer.allocate(60))).isEqualTo(60);
      tap.close();
      assertThatThrownBy(waiting::join)
          .isInstanceOf(CompletionException.class)
          .rootCause()
          .hasMessageContaining("closed");
    }
  }
}
