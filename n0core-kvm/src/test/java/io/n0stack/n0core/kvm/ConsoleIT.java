package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.compute.ScreenGrant;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Serial consoles and screens of real machines. */
@Requires({Requirement.ROOT, Requirement.QEMU})
@Timeout(120)
class ConsoleIT {
  private static final byte[] RFB = "RFB 003.008\n".getBytes(StandardCharsets.US_ASCII);
  private static final String READY = "N0: READY nano\r\n";

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws IOException {
    host = new Host(directory);
    driver = host.open();
  }

  private void boot(Display display) {
    driver.apply(context(), id, host.nano(Chipset.PC).display(display).build());
    await().until(() -> said(present(driver, id), READY));
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @Test
  void everyReaderGetsWhatWasAndWhatComesOnceAndInOrder() throws IOException {
    boot(Display.NONE);
    try (ByteChannel all = driver.openSerial(id, 1 << 20);
        ByteChannel tail = driver.openSerial(id, 6);
        ByteChannel live = driver.openSerial(id)) {
      live.write(ascii("stuvwxyzzyxwvuts"));
      tail.write(ascii("0123456789"));

      String typed = "stuvwxyzzyxwvuts0123456789";
      assertThat(read(live, typed.length())).isEqualTo(typed);
      assertThat(read(all, READY.length() + typed.length())).isEqualTo(READY + typed);
      assertThat(read(tail, 6 + typed.length())).isEqualTo("nano\r\n" + typed);
    }
    try (ByteChannel again = driver.openSerial(id, 3)) {
      assertThat(read(again, 3)).isEqualTo("789");
    }
    assertThatThrownBy(() -> driver.openSerial(id, -1)).hasMessageContaining("replayBytes");
  }

  @Test
  void aConsoleEndsWithItsMachineAfterTheLastByte() throws IOException {
    boot(Display.NONE);
    try (ByteChannel console = driver.openSerial(id, 1 << 20)) {
      driver.power(context(), id, PowerAction.SHUTDOWN);

      StringBuilder text = new StringBuilder();
      ByteBuffer bytes = ByteBuffer.allocate(100);
      while (console.read(bytes.clear()) >= 0) {
        text.append(StandardCharsets.US_ASCII.decode(bytes.flip()));
      }
      assertThat(text).startsWith(READY).endsWith("N0: POWERBTN\r\n");
    }
    assertThatThrownBy(() -> driver.openSerial(id)).hasMessageContaining("it is off");
  }

  @Test
  void whatIsTypedRightBeforeHangingUpReachesTheGuest() throws IOException {
    boot(Display.NONE);
    try (ByteChannel console = driver.openSerial(id)) {
      console.write(ascii("x".repeat(40) + "q"));
    }
    await().until(() -> state(driver, id) == MachineState.SHUTDOWN);
  }

  @Test
  void aMachineThatDoesNotAnswerHoldsUpNoOtherConsole() throws Exception {
    boot(Display.NONE);
    ResourceId silent = ResourceId.fresh("machine", "db1");
    driver.apply(context(), silent, host.nano(Chipset.PC).build());
    Path serial = present(driver, silent).serialLog().resolveSibling("serial");
    long pid = Host.pid(driver, silent);
    Host.signal("STOP", pid);
    try (QemuMachineDriver patient = patient()) {
      List<SocketChannel> waiting = fill(serial);
      CountDownLatch begun = new CountDownLatch(1);
      FutureTask<ByteChannel> hanging = new FutureTask<>(() -> {
        begun.countDown();
        return patient.openSerial(silent);
      });
      new Thread(hanging, "console of " + silent).start();
      begun.await();

      try (ByteChannel console = patient.openSerial(id, 6)) {
        assertThat(read(console, 6)).isEqualTo("nano\r\n");
        assertThat(hanging.isDone()).isFalse();
      }
      Host.signal("CONT", pid);
      for (SocketChannel each : waiting) {
        each.close();
      }
      hanging.get().close();
    } finally {
      Host.signal("CONT", pid);
      driver.delete(context(), silent);
    }
  }

  /** Takes all places of those who wait to be let in. */
  private static List<SocketChannel> fill(Path socket) throws IOException {
    List<SocketChannel> waiting = new ArrayList<>();
    while (true) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      channel.configureBlocking(false);
      try {
        assertThat(channel.connect(UnixDomainSocketAddress.of(socket))).isTrue();
        waiting.add(channel);
      } catch (SocketException e) {
        channel.close(); // EAGAIN: all places are taken
        return waiting;
      }
    }
  }

  private QemuMachineDriver patient() {
    KvmConfig usual = KvmConfig.of(host.root);
    return new QemuMachineDriver(new KvmConfig(
        usual.directory(),
        usual.qemu(),
        Accelerator.TCG,
        Duration.ofMinutes(1),
        usual.commandTimeout(),
        usual.launchTimeout(),
        usual.endTimeout(),
        usual.patience(),
        usual.launch()));
  }

  @Test
  void aScreenIsSeenAndPhotographed() throws IOException {
    boot(Display.VNC);
    Screen screen = driver.capability(Screen.class).orElseThrow();

    try (ByteChannel vnc = screen.openVnc(id)) {
      assertThat(read(vnc, RFB.length).getBytes(StandardCharsets.US_ASCII)).isEqualTo(RFB);
    }
    byte[] picture = screen.screenshot(id);

    assertThat(picture).startsWith(0x89, 'P', 'N', 'G').hasSizeGreaterThan(50);
    try (var files =
        java.nio.file.Files.list(present(driver, id).serialLog().resolveSibling("."))) {
      assertThat(files.map(Path::toString)).noneMatch(file -> file.contains("screen."));
    }
  }

  @Test
  void aGrantLetsOneClientInByWebsocketOnTheLoopbackAddress() throws Exception {
    boot(Display.VNC);
    Screen screen = driver.capability(Screen.class).orElseThrow();
    ScreenGrant grant = screen.grant(id, Duration.ofMinutes(1));
    URI uri = grant.uri();

    assertThat(uri.getHost()).isEqualTo("127.0.0.1");
    assertThat(uri.getPath().length()).isGreaterThan(40);
    assertThat(grant.toString()).doesNotContain(uri.getPath().substring(1));
    assertThat(answer(uri, "/wrong", "")).startsWith("HTTP/1.1 403");
    try (Socket client = new Socket(uri.getHost(), uri.getPort())) {
      String head = shake(client, uri.getPath(), "Sec-WebSocket-Protocol: chat, binary\r\n");
      assertThat(head)
          .startsWith("HTTP/1.1 101")
          .contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") // of RFC 6455's own key
          .contains("Sec-WebSocket-Protocol: binary");
      DataInputStream in = new DataInputStream(client.getInputStream());
      assertThat(frame(in, 0x82)).isEqualTo(RFB);
      send(client, 0x89, "ping".getBytes(StandardCharsets.US_ASCII));
      assertThat(frame(in, 0x8a)).isEqualTo("ping".getBytes(StandardCharsets.US_ASCII));
      send(client, 0x02, java.util.Arrays.copyOf(RFB, 4)); // in two fragments
      send(client, 0x80, java.util.Arrays.copyOfRange(RFB, 4, RFB.length));
      assertThat(frame(in, 0x82)).startsWith(1, 1); // one kind of security, none
      send(client, 0x81, "text".getBytes(StandardCharsets.US_ASCII));
      assertThat(frame(in, 0x88)).containsExactly(0x03, 0xeb); // 1003
    }
    assertThat(answer(uri, uri.getPath(), "")).as("used up").startsWith("HTTP/1.1 403");
    ScreenGrant brief = screen.grant(id, Duration.ofSeconds(1));
    await().pollDelay(Duration.ofMillis(1100)).until(() -> true);
    assertThat(answer(uri, brief.uri().getPath(), "")).as("expired").startsWith("HTTP/1.1 403");
    ScreenGrant open = screen.grant(id, Duration.ofMinutes(1));
    driver.close();
    assertThatThrownBy(() -> answer(uri, open.uri().getPath(), "")).isInstanceOf(IOException.class);
  }

  @Test
  void aMachineWithoutAScreenOrThatIsOffHasNoneToShow() {
    boot(Display.NONE);
    Screen screen = driver.capability(Screen.class).orElseThrow();

    for (Runnable call : List.<Runnable>of(
        () -> screen.openVnc(id),
        () -> screen.grant(id, Duration.ofMinutes(1)),
        () -> screen.screenshot(id))) {
      assertThatThrownBy(call::run)
          .isInstanceOfSatisfying(
              N0Exception.class,
              e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    }
    assertThatThrownBy(() -> screen.grant(id, Duration.ofDays(2))).hasMessageContaining("validity");
  }

  private static ByteBuffer ascii(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static String read(ByteChannel channel, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
      assertThat(bytes.position()).isPositive();
    }
    return StandardCharsets.US_ASCII.decode(bytes.flip()).toString();
  }

  private static String answer(URI server, String path, String header) throws IOException {
    try (Socket client = new Socket(server.getHost(), server.getPort())) {
      return shake(client, path, header);
    }
  }

  private static String shake(Socket client, String path, String header) throws IOException {
    client
        .getOutputStream()
        .write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + header + "\r\n")
            .getBytes(StandardCharsets.US_ASCII));
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = client.getInputStream().read();
      if (next < 0) {
        break;
      }
      head.append((char) next);
    }
    return head.toString();
  }

  private static void send(Socket client, int first, byte[] payload) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(payload.length + 6)
        .put((byte) first)
        .put((byte) (0x80 | payload.length))
        .put(new byte[] {1, 2, 3, 4});
    for (int i = 0; i < payload.length; i++) {
      frame.put((byte) (payload[i] ^ (i % 4 + 1)));
    }
    client.getOutputStream().write(frame.array());
  }

  private static byte[] frame(DataInputStream in, int first) throws IOException {
    assertThat(in.readUnsignedByte()).isEqualTo(first);
    byte[] payload = new byte[in.readUnsignedByte()];
    in.readFully(payload);
    return payload;
  }
}
