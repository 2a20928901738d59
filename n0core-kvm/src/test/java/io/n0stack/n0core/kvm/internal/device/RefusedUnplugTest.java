package io.n0stack.n0core.kvm.internal.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest that refuses to release its NIC: no QEMU of this host can be brought to say so. */
class RefusedUnplugTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Pattern COMMAND = Pattern.compile("\"execute\":\"([^\"]*)\"");
  private static final Pattern ID = Pattern.compile("\"id\":\"([^\"]*)\"[^\"]*$");

  @TempDir
  Path directory;

  private final AtomicInteger asked = new AtomicInteger();

  @Test
  void refusalIsToldAndAskedForAgainByWhoeverComesNext() throws Exception {
    Run run = new Run(UUID.randomUUID(), directory);
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(run.monitor()));
      Thread qemu = new Thread(() -> serve(server), "fake-qemu");
      qemu.start();
      try (Monitor monitor =
          new Monitors().toChange("web1", run, new Limits(LIMIT, LIMIT, LIMIT, LIMIT))) {
        for (int i = 1; i <= 2; i++) {
          Unplugger unplugger = new Unplugger(
              new StandaloneContext(),
              monitor,
              run,
              new Revocation(monitor, run, List.of()),
              LIMIT);
          assertThatExceptionOfType(N0Exception.class)
              .isThrownBy(() -> unplugger.remove("nic-eth0"))
              .withMessageContaining("refuses")
              .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
          assertThat(asked.get()).isEqualTo(i);
          assertThat(new Unplugged(run).all()).isEmpty();
        }
      }
      qemu.join();
    }
  }

  private void serve(ServerSocketChannel server) {
    try (SocketChannel client = server.accept();
        BufferedReader in =
            new BufferedReader(Channels.newReader(client, StandardCharsets.UTF_8))) {
      send(
          client,
          "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":2,\"major\":7}},"
              + "\"capabilities\":[]}}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        Matcher command = COMMAND.matcher(line);
        Matcher id = ID.matcher(line);
        assertThat(command.find() && id.find()).as(line).isTrue();
        send(
            client, "{\"return\":" + answer(command.group(1)) + ",\"id\":\"" + id.group(1) + "\"}");
        if (command.group(1).equals("device_del")) {
          asked.incrementAndGet();
          send(
              client,
              "{\"event\":\"DEVICE_UNPLUG_GUEST_ERROR\",\"data\":{\"device\":\"nic-eth0\","
                  + "\"path\":\"/machine/peripheral/nic-eth0\"},"
                  + "\"timestamp\":{\"seconds\":1,\"microseconds\":0}}");
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String answer(String command) {
    return switch (command) {
      case "qom-list" -> "[{\"name\":\"nic-eth0\",\"type\":\"child<virtio-net-pci>\"}]";
      case "query-status" -> "{\"status\":\"running\",\"running\":true}";
      default -> "{}";
    };
  }

  private static void send(SocketChannel client, String line) throws IOException {
    client.write(ByteBuffer.wrap((line + "\r\n").getBytes(StandardCharsets.UTF_8)));
  }
}
