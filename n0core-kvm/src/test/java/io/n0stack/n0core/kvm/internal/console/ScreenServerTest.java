package io.n0stack.n0core.kvm.internal.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.ScreenGrant;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that come to see no screen. */
@Timeout(120)
class ScreenServerTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final int MANY = 70;

  private final ScreenServer server = new ScreenServer();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private ServerSocketChannel screens;

  @BeforeEach
  void listen() throws IOException {
    screens = ServerSocketChannel.open().bind(new InetSocketAddress(loopback(), 0));
  }

  @AfterEach
  void close() throws Exception {
    server.close();
    for (AutoCloseable each : opened) {
      each.close();
    }
    screens.close();
  }

  private static InetAddress loopback() {
    return InetAddress.getLoopbackAddress();
  }

  private SocketChannel screen() {
    try {
      SocketChannel near = SocketChannel.open(screens.getLocalAddress());
      opened.add(screens.accept());
      return near;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private Socket client(ScreenGrant grant) throws IOException {
    Socket socket = new Socket(loopback(), grant.uri().getPort());
    opened.add(socket);
    return socket;
  }

  private static void ask(Socket socket, ScreenGrant grant) throws IOException {
    socket
        .getOutputStream()
        .write(("GET " + grant.uri().getPath() + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
  }

  private static String status(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next >= 0 && next != '\r'; next = in.read()) {
      line.append((char) next);
    }
    return line.toString();
  }

  @Test
  void whoShowsNoGrantKeepsNobodyOut() throws IOException {
    ScreenGrant grant = server.grant(this::screen, MINUTE);
    Socket first = client(grant);
    for (int i = 1; i < MANY; i++) {
      Socket unused = client(grant);
    }

    Socket guest = client(grant);
    ask(guest, grant);

    assertThat(status(guest)).isEqualTo("HTTP/1.1 101 Switching Protocols");
    assertThat(first.getInputStream().read()).isNegative();
  }

  @Test
  void oneByteNowAndThenIsNoRequest() throws IOException {
    Socket slow = client(server.grant(this::screen, MINUTE));
    await().atMost(MINUTE).pollInterval(Duration.ofMillis(200)).until(() -> {
      try {
        slow.getOutputStream().write('G');
        return false;
      } catch (IOException e) {
        return true; // it was hung up on
      }
    });
  }

  @Test
  void aScreenIsLeftAloneWhenItsClientIsGoneBeforeItIsAnswered() throws Exception {
    CountDownLatch redeemed = new CountDownLatch(1);
    CountDownLatch gone = new CountDownLatch(1);
    AtomicReference<SocketChannel> screen = new AtomicReference<>();
    ScreenGrant grant = server.grant(
        () -> {
          redeemed.countDown();
          awaitUninterrupted(gone);
          screen.set(screen());
          return screen.get();
        },
        MINUTE);
    Socket client = client(grant);
    client.setSoLinger(true, 0); // it is reset
    ask(client, grant);
    redeemed.await();
    client.close();
    gone.countDown();

    await().until(() -> screen.get() != null && !screen.get().isOpen());
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
