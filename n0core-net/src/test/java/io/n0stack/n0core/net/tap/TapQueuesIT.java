package io.n0stack.n0core.net.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Taps with what a {@link TapSpec} can say. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class TapQueuesIT {
  private static final String STRANGER = "65534";
  private static final String OWNER = "61234"; // nobody's name
  private static final TapSpec TAP0 = TapSpec.named("tap0");

  private Netlink netlink;

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() {
    Commands.ok("true");
  }

  @BeforeEach
  void open() {
    netlink = Netlink.open();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static void assertCode(Runnable call, N0Exception.Code code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining("tap0");
  }

  /** The open descriptors of the tun device in this process, each with its open(2) flags in octal. */
  private static List<String> descriptors() {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      List<String> flags = new ArrayList<>();
      for (Path fd : all.toList()) {
        if (isTun(fd)) {
          flags.add(Files.readString(Path.of("/proc/self/fdinfo").resolve(fd.getFileName())));
        }
      }
      return flags;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isTun(Path fd) throws IOException {
    try {
      return Files.readSymbolicLink(fd).endsWith("tun");
    } catch (NoSuchFileException e) {
      return false; // one of those that the JVM opens for a moment
    }
  }

  @Test
  void tapIsWhatItsSpecSays() {
    TapSpec spec = TAP0.withQueues(3)
        .withVnetHeader(12)
        .withOwner(Long.parseLong(OWNER))
        .withGroup(61235)
        .withMtu(9000);
    try (Tap tap = Tap.create(spec.withPersistence())) {
      String shown = Commands.ok("ip", "-d", "link", "show", "tap0");

      assertThat(shown)
          .contains(
              "mtu 9000", "multi_queue", "vnet_hdr", "persist on", "user " + OWNER, "group 61235");
      assertThat(Pattern.compile("numqueues 3 ").matcher(shown).find())
          .as(shown)
          .isTrue();
      assertThat(tap.queues()).hasSize(3).allMatch(TapQueue::attached);
      assertThat(tap.vnetHeaderBytes()).isEqualTo(12);
      assertThat(descriptors()).hasSize(3).allMatch(TapQueuesIT::closedOnExec);
    }
    assertThat(descriptors()).isEmpty();
    Tap.delete("tap0");
    assertThat(netlink.links().find("tap0")).isEmpty();
  }

  private static boolean closedOnExec(String info) {
    Matcher flags = Pattern.compile("flags:\\s*([0-7]+)").matcher(info);
    return flags.find() && (Integer.parseInt(flags.group(1), 8) & 02000000) != 0;
  }

  @Test
  void persistentTapIsFoundAsItWasLeft() {
    Tap.create(TAP0.withQueues(1).withOwner(Long.parseLong(OWNER)).withMtu(2000).withPersistence())
        .close();

    try (Tap again = Tap.open(TAP0.withQueues(2).withVnetHeader())) {
      assertThat(again.queues()).hasSize(2);
      assertThat(again.vnetHeaderBytes()).isEqualTo(10);
      assertThat(Commands.ok("ip", "-d", "link", "show", "tap0"))
          .contains("mtu 2000", "user " + OWNER, "persist on");
    }
    try (Tap bare = Tap.open(TAP0.withQueues(1))) {
      assertThat(bare.vnetHeaderBytes()).isZero();
    }
  }

  @Test
  void headerSizeAndOffloadsOfTheLastHolderAreUndone() {
    try (Tap tap = Tap.create(TAP0.withVnetHeader(12).withPersistence())) {
      tap.offload(EnumSet.of(Offload.CSUM, Offload.TSO4, Offload.TSO6, Offload.TSO_ECN));
    }
    try (Tap tap = Tap.open(TAP0.withVnetHeader())) {
      assertThat(tap.vnetHeaderBytes()).isEqualTo(10);
      tap.offload(Set.of(Offload.CSUM));
      tap.offload(Set.of());
    }
  }

  @Test
  void tapOfAnotherKindIsRefused() {
    Tap.create(TAP0.withPersistence()).close();
    assertCode(() -> Tap.open(TAP0.withQueues(1)), N0Exception.Code.PRECONDITION);
    Tap.delete("tap0");
    Tap.create(TAP0.withQueues(1).withPersistence()).close();
    assertCode(() -> Tap.open(TAP0), N0Exception.Code.PRECONDITION);
    Tap.delete("tap0");
    Commands.ok("ip", "tuntap", "add", "tap0", "mode", "tun");
    assertCode(() -> Tap.open(TAP0), N0Exception.Code.PRECONDITION);
    assertCode(() -> Tap.delete("tap0"), N0Exception.Code.PRECONDITION);
    assertCode(() -> Tap.create(TAP0), N0Exception.Code.ALREADY_EXISTS);
    Commands.ok("ip", "link", "delete", "tap0");
    Commands.ok("ip", "link", "add", "tap0", "type", "bridge");
    assertCode(() -> Tap.open(TAP0), N0Exception.Code.PRECONDITION);
    assertThat(descriptors()).isEmpty();
  }

  /** The kernel would let them join, with the flags that the first has. */
  @Test
  void multiqueueTapThatIsHeldIsBusyWhateverItsHeader() {
    for (TapSpec held : List.of(TAP0.withQueues(2), TAP0.withQueues(2).withVnetHeader())) {
      try (Tap holder = Tap.create(held.withPersistence())) {
        assertCode(() -> Tap.open(TAP0.withQueues(1)), N0Exception.Code.BUSY);
        assertCode(() -> Tap.open(TAP0.withQueues(1).withVnetHeader()), N0Exception.Code.BUSY);
        assertCode(() -> Tap.delete("tap0"), N0Exception.Code.BUSY);
        assertThat(descriptors()).hasSize(2);
        holder.unpersist();
      }
    }
  }

  @Test
  void kernelMakesNoTapOverNetlink() {
    Commands.Result result = Commands.run("ip", "link", "add", "tap0", "type", "tun");

    assertThat(result.status()).isNotZero();
    assertThat(result.output()).containsAnyOf("not supported", "Unknown device type");
  }

  @Test
  void persistentTapWithoutHolderHasNoCarrierAndCanBeDeletedWhileHeld() {
    Tap tap = Tap.create(TAP0.withPersistence());
    netlink
        .links()
        .change(
            netlink.links().find("tap0").orElseThrow().index(),
            LinkChange.none().up());
    assertThat(Commands.ok("ip", "link", "show", "tap0")).contains("LOWER_UP");
    tap.close();
    assertThat(Commands.ok("ip", "link", "show", "tap0")).contains("NO-CARRIER");
    try (Tap held = Tap.open("tap0")) {
      netlink.links().delete(netlink.links().find("tap0").orElseThrow().index());
      assertCode(held::unpersist, N0Exception.Code.NOT_FOUND);
    }
  }

  /** Sees a device that all may open, as most distributions have it. */
  private static Commands.Result deleteAs(String uid) {
    return Commands.run(
        "unshare",
        "--mount",
        "sh",
        "-ec",
        "mount -t tmpfs none /dev/net; mknod /dev/net/tun c 10 200; chmod 666 /dev/net/tun;"
            + " exec setpriv --reuid $0 --regid $0 --clear-groups ip tuntap del tap0 mode tap",
        uid);
  }

  @Test
  void ownerMayOpenItAndOthersMayNot() {
    Tap.create(TAP0.withOwner(Long.parseLong(OWNER)).withPersistence()).close();
    assertThat(deleteAs(STRANGER).output()).contains("Operation not permitted");
    assertThat(netlink.links().find("tap0")).isPresent();
    assertThat(deleteAs(OWNER)).isEqualTo(new Commands.Result(0, ""));
    assertThat(netlink.links().find("tap0")).isEmpty();
  }

  @Test
  void ownerOutsideTheGroupMayNotOpenIt() {
    Tap.create(TAP0.withOwner(Long.parseLong(OWNER)).withGroup(61235).withPersistence())
        .close();
    assertThat(deleteAs(OWNER).output()).contains("Operation not permitted");
  }

  @Test
  void queuesAreAddedDetachedAttachedAndClosed() {
    try (Tap tap = Tap.create(TAP0.withQueues(1))) {
      TapQueue added = tap.addQueue();
      assertThat(tap.queues()).hasSize(2).contains(added);
      added.detach();
      added.detach();
      assertThat(added.attached()).isFalse();
      assertCode(() -> added.read(ByteBuffer.allocate(64)), N0Exception.Code.PRECONDITION);
      assertCode(() -> added.write(ByteBuffer.allocate(64)), N0Exception.Code.PRECONDITION);
      assertThat(Commands.ok("ip", "-d", "link", "show", "tap0")).contains("numdisabled 1");
      added.attach();
      assertThat(added.attached()).isTrue();
      assertThat(added.read(ByteBuffer.allocate(64))).isGreaterThanOrEqualTo(0);
      added.close();
      assertThat(added.attached()).isFalse();
      assertThat(tap.queues()).hasSize(1);
      assertThatThrownBy(added::attach).isInstanceOf(IllegalStateException.class);
      for (int i = 1; i < 256; i++) {
        assertThat(tap.addQueue().attached()).isTrue();
      }
      assertCode(tap::addQueue, N0Exception.Code.EXHAUSTED);
      assertThat(descriptors()).hasSize(256);
    }
    assertThat(netlink.links().find("tap0")).isEmpty();
  }

  @Test
  void queueIsNotAddedToATapOfOne() {
    try (Tap tap = Tap.create(TAP0)) {
      assertCode(tap::addQueue, N0Exception.Code.PRECONDITION);
      assertThatThrownBy(() -> tap.queues().get(0).detach()).hasMessageContaining("EINVAL");
    }
  }

  @Test
  void queueIsNotAddedFromAnotherNamespace() throws InterruptedException {
    try (Tap tap = Tap.create(TAP0.withQueues(1))) {
      Commands.ok("ip", "link", "set", "tap0", "name", "tap1");
      assertThat(tap.addQueue().attached()).as("after a change of name").isTrue();
      Process elsewhere = new ProcessBuilder("unshare", "-n", "sleep", "60").start();
      try {
        await()
            .until(() -> Commands.run("ip", "link", "set", "tap1", "netns", "" + elsewhere.pid())
                        .status()
                    == 0
                && Commands.run("ip", "link", "show", "tap1").status() != 0);
        assertCode(tap::addQueue, N0Exception.Code.PRECONDITION);
      } finally {
        elsewhere.destroyForcibly().waitFor();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void sendBufferAndOffloadsAreSetAndRefused() {
    try (Tap tap = Tap.create(TAP0)) {
      assertThat(tap.sendBufferBytes()).isEqualTo(Integer.MAX_VALUE);
      tap.limitSendBuffer(100_000);
      assertThat(tap.sendBufferBytes()).isEqualTo(100_000);
      assertThatThrownBy(() -> tap.limitSendBuffer(0)).hasMessageContaining("send buffer bytes");
      assertThatThrownBy(() -> tap.offload(Set.of(Offload.CSUM))).hasMessageContaining("offloads");
      assertCode(() -> tap.resizeVnetHeader(12), N0Exception.Code.PRECONDITION);
    }
  }

  @Test
  @SuppressWarnings("try") // closed before its end, and then again
  void givenDescriptorsKeepTheTapUntilTheyAreClosed() {
    Tap tap = Tap.create(TAP0.withQueues(2).withVnetHeader(12));
    try (TapQueues.Descriptors given = tap.transferDescriptors()) {
      assertThat(given.vnetHeaderBytes()).isEqualTo(12);
      assertThat(given.numbers()).hasSize(2).doesNotHaveDuplicates();
      assertThatThrownBy(tap::persist).isInstanceOf(IllegalStateException.class);
      tap.close();
      assertThat(netlink.links().find("tap0")).isPresent();
      given.close();
      assertThatThrownBy(given::numbers).isInstanceOf(IllegalStateException.class);
      assertThat(netlink.links().find("tap0")).isEmpty();
    }
  }

  @Test
  void trafficBeyondFourGibibytesIsCounted() {
    try (Tap tap = Tap.create(TAP0)) {
      netlink
          .links()
          .change(
              netlink.links().find("tap0").orElseThrow().index(),
              LinkChange.none().up());
      ByteBuffer frame = ByteBuffer.allocateDirect(65_000).put(0, (byte) 2).put(12, (byte) 0x88);
      long frames = (1L << 32) / frame.capacity() + 2;
      for (long i = 0; i < frames; i++) {
        assertThat(tap.write(frame.rewind())).isPositive();
      }
      Matcher bytes = Pattern.compile("RX:.*\\n\\s*(\\d+) ")
          .matcher(Commands.ok("ip", "-s", "link", "show", "tap0"));
      assertThat(bytes.find()).isTrue();
      assertThat(Long.parseLong(bytes.group(1))).isGreaterThan(1L << 32);
    }
  }

  @Test
  void openingAndClosingOverAndOverLeaksNothing() throws IOException {
    Tap.create(TAP0.withPersistence()).close();
    ByteBuffer into = ByteBuffer.allocate(64);
    int threads = Thread.activeCount();
    long before = open(Path.of("/proc/self/fd"));
    int times = Repetition.of(10_000);
    for (int i = 0; i < times; i++) {
      try (Tap tap = Tap.open(TAP0)) {
        if (i % 100 == 0) {
          tap.queues().get(0).read(into.clear(), Duration.ofNanos(1));
        }
      }
    }
    // The JVM opens files of its own at times.
    assertThat(open(Path.of("/proc/self/fd"))).isLessThan(before + 20);
    assertThat(descriptors()).isEmpty();
    assertThat(Thread.activeCount()).isLessThanOrEqualTo(threads);
  }

  private static long open(Path directory) throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.count();
    }
  }
}
