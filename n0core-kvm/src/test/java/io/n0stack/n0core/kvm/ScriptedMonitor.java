package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A QEMU that no QEMU can be brought to be: its monitor answers one client as a test says. */
public final class ScriptedMonitor implements AutoCloseable {
  private static final Pattern COMMAND = Pattern.compile("\"execute\":\"([^\"]*)\"");
  private static final Pattern ID = Pattern.compile("\"id\":\"([^\"]*)\"[^\"]*$");
  // Of no QEMU's version, since what is known of one is kept by it.
  private static final String GREETING =
      "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":0,\"major\":0},\"package\":\"scripted\"},"
          + "\"capabilities\":[]}}";
  /** What the tests' commands take, of which each has its part: commands are compared with it in strict mode. */
  private static final String SCHEMA = schema(
      "query-jobs",
      "query-status",
      "block-job-cancel device:str force:bool",
      "device_del id:str",
      "netdev_del id:str",
      "qom-list path:str");

  /** What is answered. */
  public interface Script {
    /**
     * Answers a command.
     *
     * @param command its name
     * @param line all that was asked
     * @return the result as JSON
     */
    String answer(String command, String line);
  }

  private final ServerSocketChannel server;
  private final Script script;
  private final Thread thread;
  private @Nullable SocketChannel client;

  /** Waits for the client at a socket. */
  public ScriptedMonitor(Path socket, Script script) throws IOException {
    this.script = script;
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    thread = new Thread(this::serve, "scripted-monitor");
    thread.start();
  }

  private static String schema(String... commands) {
    StringBuilder all =
        new StringBuilder("[{\"name\":\"str\",\"meta-type\":\"builtin\",\"json-type\":\"string\"},"
            + "{\"name\":\"bool\",\"meta-type\":\"builtin\",\"json-type\":\"boolean\"}");
    for (String command : commands) {
      String[] words = command.split(" ", -1);
      all.append(",{\"name\":\"" + words[0] + "\",\"meta-type\":\"command\",\"arg-type\":\"of-"
          + words[0] + "\",\"ret-type\":\"str\"},{\"name\":\"of-" + words[0]
          + "\",\"meta-type\":\"object\",\"members\":[");
      for (int i = 1; i < words.length; i++) {
        String[] member = words[i].split(":", -1);
        all.append(
            (i > 1 ? "," : "") + "{\"name\":\"" + member[0] + "\",\"type\":\"" + member[1] + "\"}");
      }
      all.append("]}");
    }
    return all.append("]").toString();
  }

  private void serve() {
    try (SocketChannel accepted = server.accept();
        BufferedReader in =
            new BufferedReader(Channels.newReader(accepted, StandardCharsets.UTF_8))) {
      synchronized (this) {
        client = accepted;
      }
      send(GREETING);
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        Matcher command = COMMAND.matcher(line);
        Matcher id = ID.matcher(line);
        assertThat(command.find() && id.find()).as(line).isTrue();
        String answer = switch (command.group(1)) {
          case "qmp_capabilities" -> "{}";
          case "query-qmp-schema" -> SCHEMA;
          default -> script.answer(command.group(1), line);
        };
        send("{\"return\":" + answer + ",\"id\":\"" + id.group(1) + "\"}");
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Tells the client of an event, after what was answered before. */
  public void tell(String event, String data) {
    send("{\"event\":\"" + event + "\",\"data\":" + data
        + ",\"timestamp\":{\"seconds\":1,\"microseconds\":0}}");
  }

  private synchronized void send(String line) {
    ByteBuffer bytes = ByteBuffer.wrap((line + "\r\n").getBytes(StandardCharsets.UTF_8));
    SocketChannel to = Objects.requireNonNull(client, "nobody has connected");
    try {
      while (bytes.hasRemaining()) {
        int unused = to.write(bytes);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Waits until the client has left. */
  @Override
  public void close() {
    try {
      thread.join();
      server.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
