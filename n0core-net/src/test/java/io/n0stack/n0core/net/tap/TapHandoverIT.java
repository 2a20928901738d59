package io.n0stack.n0core.net.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gives a tap to a QEMU that runs as nobody and could not open it. */
@IsolatedNetwork
@Requires({Requirement.ROOT, Requirement.QEMU})
class TapHandoverIT {
  private static final String NOBODY = "65534";
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final List<String> TAPS = List.of("tap0", "tap1");

  @TempDir
  private Path directory;

  /** What the C library is needed for: the JDK passes no descriptors. */
  public interface UnixSockets {
    /** See socket(2). */
    int socket(int domain, int type, int protocol);

    /** See connect(2). */
    int connect(int fd, Pointer address, int length);

    /** See sendmsg(2). */
    long sendmsg(int fd, Pointer message, int flags);

    /** See read(2). */
    long read(int fd, Pointer buffer, long length);

    /** See close(2). */
    int close(int fd);
  }

  /** A QMP client that sends one command at a time, with or without a descriptor. */
  private static final class Monitor implements AutoCloseable {
    private static final Runtime RUNTIME = Runtime.getSystemRuntime();
    private static final UnixSockets C = LibraryLoader.create(UnixSockets.class).load("c");
    private static final int SIZE = 65536;

    private final Pointer buffer = Pointer.wrap(RUNTIME, ByteBuffer.allocateDirect(SIZE));
    private final int fd = C.socket(1, 1, 0); // AF_UNIX, SOCK_STREAM

    boolean connect(Path path) {
      byte[] text = path.toString().getBytes(StandardCharsets.UTF_8);
      // struct sockaddr_un, sys/un.h
      ByteBuffer address = ByteBuffer.allocateDirect(110).order(ByteOrder.nativeOrder());
      address.putShort((short) 1).put(text);
      return C.connect(fd, Pointer.wrap(RUNTIME, address.rewind()), 110) == 0;
    }

    String call(String command, OptionalInt descriptor) {
      byte[] text = command.getBytes(StandardCharsets.UTF_8);
      Pointer data = Pointer.wrap(RUNTIME, ByteBuffer.allocateDirect(text.length));
      data.put(0, text, 0, text.length);
      Pointer vector = words(data.address(), text.length);
      // struct cmsghdr: length, SOL_SOCKET and SCM_RIGHTS, then the descriptor, bits/socket.h
      Pointer rights = words(20, 1L | 1L << 32, descriptor.orElse(0));
      boolean any = descriptor.isPresent();
      Pointer message =
          words(0, 0, vector.address(), 1, any ? rights.address() : 0, any ? 24 : 0, 0);
      assertThat(C.sendmsg(fd, message, 0)).isEqualTo(text.length);
      return answer("\"return\"", "\"error\"");
    }

    String answer(String... ends) {
      StringBuilder answer = new StringBuilder();
      while (true) {
        long length = C.read(fd, buffer, SIZE);
        assertThat(length).as("answer after %s", answer).isPositive();
        byte[] bytes = new byte[(int) length];
        buffer.get(0, bytes, 0, bytes.length);
        answer.append(new String(bytes, StandardCharsets.UTF_8));
        for (String end : ends) {
          if (answer.indexOf(end) >= 0 && answer.toString().endsWith("\n")) {
            return answer.toString();
          }
        }
      }
    }

    String ok(String command) {
      String answer = call(command, OptionalInt.empty());
      assertThat(answer).doesNotContain("\"error\"");
      return answer;
    }

    private static Pointer words(long... words) {
      ByteBuffer bytes =
          ByteBuffer.allocateDirect(words.length * Long.BYTES).order(ByteOrder.nativeOrder());
      bytes.asLongBuffer().put(words);
      return Pointer.wrap(RUNTIME, bytes);
    }

    @Override
    public void close() {
      assertThat(C.close(fd)).isZero();
    }
  }

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() {
    Commands.ok("true");
  }

  private static Path socket(Path directory) {
    return directory.resolve("qmp");
  }

  /** Its one device is a hub between two backends, so that frames pass without a guest. */
  private Process startQemu() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    return new ProcessBuilder(
            "setpriv",
            "--reuid",
            NOBODY,
            "--regid",
            NOBODY,
            "--clear-groups",
            "--no-new-privs",
            "qemu-system-x86_64",
            "-machine",
            "none",
            "-nodefaults",
            "-display",
            "none",
            "-qmp",
            "unix:" + socket(directory) + ",server=on,wait=off")
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("log").toFile())
        .start();
  }

  private static void give(Monitor monitor, String id, int hub, TapQueues.Descriptors tap) {
    assertThat(monitor.call(
            "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"" + id + "\"}}",
            OptionalInt.of(tap.numbers().get(0))))
        .contains("\"return\"");
    monitor.ok("{\"execute\":\"netdev_add\",\"arguments\":{\"type\":\"tap\",\"id\":\"" + id
        + "\",\"fd\":\"" + id + "\"}}");
    monitor.ok("{\"execute\":\"netdev_add\",\"arguments\":{\"type\":\"hubport\",\"hubid\":" + hub
        + ",\"id\":\"hub-" + id + "\",\"netdev\":\"" + id + "\"}}");
  }

  @Test
  void qemuWithoutRightsCarriesFramesOfTheTapsItIsGiven() throws Exception {
    Process qemu = startQemu();
    try (Netlink netlink = Netlink.open();
        Monitor monitor = new Monitor()) {
      await().atMost(LIMIT).until(() -> monitor.connect(socket(directory)));
      monitor.answer("QMP");
      monitor.ok("{\"execute\":\"qmp_capabilities\"}");
      assertThat(Files.readString(Path.of("/proc/" + qemu.pid() + "/status")))
          .containsPattern("Uid:\\s+" + NOBODY)
          .containsPattern("CapEff:\\s+0+\\n");
      for (String name : TAPS) {
        Tap tap = Tap.create(TapSpec.named(name).withVnetHeader().withPersistence());
        try (TapQueues.Descriptors given = tap.transferDescriptors()) {
          give(monitor, name, 7, given);
        }
      }
      assertThat(
              monitor.ok("{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
                  + "\"info network\"}}"))
          .contains("tap0", "tap1", "hub 7");
      assertHeldBy(qemu);

      // Up only now: a frame for a hub of one port would stop QEMU's reading for good.
      for (String name : TAPS) {
        int index = netlink.links().find(name).orElseThrow().index();
        netlink.links().change(index, LinkChange.none().up());
      }
      Commands.ok("ip", "address", "add", "10.99.0.1/24", "broadcast", "+", "dev", "tap0");
      long before = received("tap1");
      await().atMost(LIMIT).until(() -> {
        broadcast();
        return received("tap1") > before;
      });
    } finally {
      qemu.destroyForcibly();
      assertThat(qemu.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
    TAPS.forEach(Tap::delete);
  }

  private static void assertHeldBy(Process qemu) {
    assertThat(qemu.isAlive()).isTrue();
    N0Exception busy = catchThrowableOfType(
        N0Exception.class, () -> Tap.open(TapSpec.named("tap0").withVnetHeader()));
    assertThat(busy.code()).isEqualTo(N0Exception.Code.BUSY);
  }

  private static void broadcast() throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      byte[] hello = "hello".getBytes(StandardCharsets.UTF_8);
      socket.send(new DatagramPacket(hello, hello.length, InetAddress.getByName("10.99.0.255"), 9));
    }
  }

  private static long received(String link) {
    Matcher packets = Pattern.compile("RX:.*\\n\\s*\\d+\\s+(\\d+) ")
        .matcher(Commands.ok("ip", "-s", "link", "show", link));
    assertThat(packets.find()).isTrue();
    return Long.parseLong(packets.group(1));
  }
}
