package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.compute.ScreenGrant;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The screens of machines. */
final class ScreenCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> PRECONDITION = Set.of(N0Exception.Code.PRECONDITION);
  private static final Set<N0Exception.Code> INVALID = Set.of(N0Exception.Code.INVALID);
  private static final Duration VALIDITY = Duration.ofMinutes(5);
  private static final int PATIENCE_MILLIS = 30_000;
  private static final int HELLO_BYTES = 12; // RFC 6143, 7.1.1

  private final Bench<S, T> bench;
  private final Driver<S, T> driver;

  ScreenCases(Bench<S, T> bench, Driver<S, T> driver) {
    this.bench = bench;
    this.driver = driver;
  }

  void screen(Screen screen, ResourceId id) {
    refused(screen, bench.fresh(driver), "of nothing", Set.of(N0Exception.Code.NOT_FOUND));
    Optional<N0Exception.Code> code = Bench.code(() -> screen.screenshot(id));
    if (code.equals(Optional.of(N0Exception.Code.PRECONDITION))) {
      refused(screen, id, "of a machine without one", PRECONDITION);
      return;
    }
    bench.same("failure of a picture", code, Optional.empty());
    byte[] picture = screen.screenshot(id);
    bench.holds(
        "the picture is a PNG",
        picture.length > 8 && new String(picture, 1, 3, StandardCharsets.US_ASCII).equals("PNG"));
    for (int i = 0; i < 2; i++) { // a client that has left must not be in the way of the next
      bench.holds("it speaks RFB", hello(screen, id).startsWith("RFB 003."));
    }
    grant(screen, id);
    bench.machine(driver, id, MachineState.RUNNING, "after its screen was looked at");
    driver.capability(Power.class).ifPresent(power -> {
      power.power(bench.context(), id, PowerAction.HARD_SHUTDOWN);
      refused(screen, id, "of what is off", PRECONDITION);
      power.power(bench.context(), id, PowerAction.BOOT);
    });
  }

  private void refused(Screen screen, ResourceId id, String what, Set<N0Exception.Code> codes) {
    bench.refused("the screen " + what, codes, () -> close(screen.openVnc(id)));
    bench.refused("a grant " + what, codes, () -> screen.grant(id, VALIDITY));
    bench.refused("a picture " + what, codes, () -> screen.screenshot(id));
  }

  private static void close(ByteChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String hello(Screen screen, ResourceId id) {
    ByteBuffer bytes = ByteBuffer.allocate(HELLO_BYTES);
    try (ByteChannel channel = screen.openVnc(id)) {
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
        Thread.onSpinWait();
      }
      return new String(bytes.array(), StandardCharsets.US_ASCII);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void grant(Screen screen, ResourceId id) {
    for (Duration wrong : List.of(Duration.ZERO, Duration.ofDays(2))) {
      bench.refused("a grant for " + wrong, INVALID, () -> screen.grant(id, wrong));
    }
    Instant before = Instant.now();
    ScreenGrant grant = screen.grant(id, VALIDITY);
    bench.holds(
        "the grant expires in time: " + grant,
        grant.expires().isAfter(before)
            && !grant.expires().isAfter(Instant.now().plus(VALIDITY)));
    bench.holds(
        "another grant has another address", !screen.grant(id, VALIDITY).uri().equals(grant.uri()));
    URI uri = grant.uri();
    try {
      bench.same("scheme of the address", uri.getScheme(), "ws");
      bench.holds(
          "the address is on this host alone: " + grant,
          InetAddress.getByName(uri.getHost()).isLoopbackAddress());
      bench.same("answer to who does not know the secret", accepted(uri, "/"), false);
      bench.same("answer to who knows it", accepted(uri, uri.getRawPath()), true);
      bench.same("answer to who comes second", accepted(uri, uri.getRawPath()), false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Says whether a websocket is opened, see RFC 6455, section 4. */
  private static boolean accepted(URI uri, String path) throws IOException {
    try (Socket client = new Socket(uri.getHost(), uri.getPort())) {
      client.setSoTimeout(PATIENCE_MILLIS);
      String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
      String request = "GET " + path + query + " HTTP/1.1\r\nHost: " + uri.getAuthority()
          + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          + "Sec-WebSocket-Protocol: binary\r\n\r\n";
      client.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      String answer = new BufferedReader(
              new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII))
          .readLine();
      return answer != null && answer.startsWith("HTTP/1.1 101");
    }
  }
}
