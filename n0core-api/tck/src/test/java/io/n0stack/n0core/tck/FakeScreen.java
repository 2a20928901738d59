package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.compute.ScreenGrant;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;

/** A screen that says hello, and a door to it that ends with the test's process. */
record FakeScreen(FakeHost host, Flaw flaw) implements Screen {
  private void requireOn(ResourceId id) {
    FakeHost.require(id, host.require(id).state != MachineState.SHUTDOWN);
  }

  @Override
  public ByteChannel openVnc(ResourceId id) {
    requireOn(id);
    String hello = flaw == Flaw.SPEAKS_NO_RFB ? "SSH-2.0-fake" : "RFB 003.008\n";
    ByteBuffer left = ByteBuffer.wrap(hello.getBytes(StandardCharsets.US_ASCII));
    return new ByteChannel() {
      @Override
      public int read(ByteBuffer into) {
        int count = Math.min(left.remaining(), into.remaining());
        into.put(left.slice().limit(count));
        left.position(left.position() + count);
        return count == 0 ? -1 : count;
      }

      @Override
      public int write(ByteBuffer from) {
        return 0;
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public ScreenGrant grant(ResourceId id, Duration validity) {
    requireOn(id);
    if (validity.isZero() || validity.compareTo(Duration.ofDays(1)) > 0) {
      throw N0Exception.invalid("validity", validity, "must be one second to one day");
    }
    try {
      ServerSocket door = new ServerSocket(0, 9, InetAddress.getLoopbackAddress());
      String secret = UUID.randomUUID().toString();
      Thread guard = new Thread(() -> guard(door, secret));
      guard.setDaemon(true);
      guard.start();
      String address = flaw == Flaw.GRANTS_EVERYWHERE ? "0.0.0.0" : "127.0.0.1";
      Duration until = flaw == Flaw.GRANTS_FOR_EVER ? validity.multipliedBy(2) : validity;
      return new ScreenGrant(
          URI.create("ws://" + address + ":" + door.getLocalPort() + "/" + secret),
          Instant.now().plus(until));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void guard(ServerSocket door, String secret) {
    boolean open = true;
    try (door) {
      for (int i = 0; i < 3; i++) {
        try (Socket client = door.accept()) {
          BufferedReader in = new BufferedReader(
              new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
          String asked = String.valueOf(in.readLine());
          boolean knows = asked.contains("/" + secret + " ") || flaw == Flaw.GRANTS_ANYBODY;
          String answer = knows && open ? "101 Welcome" : "403 No";
          open &= !knows || flaw == Flaw.GRANTS_TWICE || flaw == Flaw.GRANTS_ANYBODY;
          for (String line = in.readLine(); line != null && !line.isEmpty(); ) {
            line = in.readLine();
          }
          client
              .getOutputStream()
              .write(("HTTP/1.1 " + answer + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public byte[] screenshot(ResourceId id) {
    requireOn(id);
    String picture = flaw == Flaw.PICTURE_IS_NONE ? "" : "\u0089PNG\r\n\u001a\n and so on";
    return picture.getBytes(StandardCharsets.ISO_8859_1);
  }
}
