package io.n0stack.n0core.kvm.qapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Display, keyboard and mouse of a real QEMU. */
@Requires(Requirement.QEMU)
class DisplayCommandsIT {
  @TempDir
  Path directory;

  @Test
  void displayIsSeenSecuredAndOperated() throws Exception {
    Path socket = directory.resolve("vnc");
    Path picture = directory.resolve("a, b.png");
    try (Qemu qemu = Qemu.start(
        directory,
        "-machine",
        "pc",
        "-bios",
        Qemu.nano(directory).toString(),
        "-device",
        "VGA,id=vga0",
        "-device",
        "qemu-xhci",
        "-device",
        "usb-tablet",
        "-vnc",
        "unix:" + socket + ",password=on")) {
      DisplayCommands display = qemu.qapi().display();
      assertThat(display.vncServers()).singleElement().satisfies(server -> {
        assertThat(server.auth()).isEqualTo("vnc");
        assertThat(server.listeners()).singleElement().satisfies(listener -> {
          assertThat(listener.service()).isEqualTo(socket.toString());
          assertThat(listener.family().is(AddressFamily.UNIX)).isTrue();
        });
      });
      assertThat(display.spice().enabled()).isFalse();
      display.setPassword(PasswordProtocol.VNC, "secret", Connected.KEEP);
      for (PasswordExpiry expiry : List.of(
          new PasswordExpiry.Never(),
          new PasswordExpiry.After(Duration.ofSeconds(30)),
          new PasswordExpiry.At(Instant.now().plusSeconds(60)),
          new PasswordExpiry.Now())) {
        display.expirePassword(PasswordProtocol.VNC, expiry);
      }
      assertThatThrownBy(display::reloadCertificates).isInstanceOf(QmpException.class);

      try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
        ByteBuffer hello = ByteBuffer.allocate(12);
        while (hello.hasRemaining() && client.read(hello) >= 0) {}
        assertThat(new String(hello.array(), StandardCharsets.US_ASCII)).startsWith("RFB ");
        assertThat(qemu.await1(DisplayEvent.VncConnected.class)
                .server()
                .family()
                .is(AddressFamily.UNIX))
            .isTrue();
      }
      qemu.await1(DisplayEvent.VncDisconnected.class);

      display.screendump(picture, ScreenFormat.PNG);
      assertThat(Files.readAllBytes(picture)).startsWith(0x89, 'P', 'N', 'G');
      display.screendump(picture, ScreenFormat.PPM, "vga0", 0);
      assertThat(Files.readAllBytes(picture)).startsWith('P', '6');
      qemu.qapi().machine().cont();
      display.sendKeys(
          List.of(new Key.Named("ctrl"), new Key.Named("alt"), new Key.Numbered(57)),
          Duration.ofMillis(1));
      display.sendEvents(List.of(
          new InputEvent.Absolute(InputEvent.Axis.X, 100),
          new InputEvent.Absolute(InputEvent.Axis.Y, 100),
          new InputEvent.ButtonEvent(InputEvent.Button.LEFT, InputEvent.Motion.DOWN)));
      display.sendEvents(
          List.of(new InputEvent.KeyEvent(new Key.Named("a"), InputEvent.Motion.UP)));
      assertThat(display.mice()).isNotEmpty();
      Path other = directory.resolve("vnc2");
      display.listenOn(List.of(SocketAddress.Unix.of(other)));
      assertThat(display.vncServers())
          .flatExtracting(VncServer::listeners)
          .extracting(VncListener::service)
          .containsExactly(other.toString());
    }
  }
}
