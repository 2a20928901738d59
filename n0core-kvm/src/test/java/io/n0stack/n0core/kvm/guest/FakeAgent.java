package io.n0stack.n0core.kvm.guest;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An agent that does what a test says, on one thread, one connection after the other. */
final class FakeAgent implements AutoCloseable {
  /** What the agent does with a request. */
  interface Behaviour {
    void request(Peer peer, String command, JsonNode arguments) throws IOException;
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  private final ServerSocketChannel server;
  private final Behaviour behaviour;
  private final List<String> commands = new CopyOnWriteArrayList<>();
  private final List<SocketChannel> open = new CopyOnWriteArrayList<>();
  private final Thread thread;
  private volatile byte[] hello = {};

  FakeAgent(Path socket, Behaviour behaviour) throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    this.behaviour = behaviour;
    thread = new Thread(this::serve, "fake-agent");
    thread.setDaemon(true);
    thread.start();
  }

  /** What is sent before anything was asked. */
  FakeAgent saying(byte[] bytes) {
    hello = bytes;
    return this;
  }

  List<String> commands() {
    return commands;
  }

  private void serve() {
    while (server.isOpen()) {
      try (SocketChannel channel = server.accept()) {
        open.add(channel);
        Peer peer = new Peer(channel);
        peer.send(hello);
        while (true) {
          String line = peer.line();
          JsonNode request = JSON.readTree(line);
          String command = request.path("execute").asText();
          if (!command.equals("guest-sync-delimited")) {
            commands.add(command);
          }
          behaviour.request(peer, command, request.path("arguments"));
        }
      } catch (IOException e) {
        commands.add("end");
      }
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (SocketChannel channel : open) {
      channel.close();
    }
    await().atMost(Duration.ofSeconds(60)).until(() -> !thread.isAlive());
  }

  /** The client, as the agent sees it. */
  static final class Peer {
    private final SocketChannel channel;
    private final ByteBuffer one = ByteBuffer.allocate(1);

    private Peer(SocketChannel channel) {
      this.channel = channel;
    }

    private String line() throws IOException {
      ByteArrayOutputStream held = new ByteArrayOutputStream();
      while (true) {
        one.clear();
        if (channel.read(one) < 0) {
          throw new IOException("end");
        }
        byte b = one.array()[0];
        if (b == (byte) 0xff) {
          held.reset(); // as the agent's parser does, which also complains
          send(
              "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, stray\"}}\n");
        } else if (b == '\n') {
          return held.toString(StandardCharsets.UTF_8);
        } else {
          held.write(b);
        }
      }
    }

    void send(byte[] bytes) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }

    void send(String text) throws IOException {
      send(text.getBytes(StandardCharsets.UTF_8));
    }

    void answer(String json) throws IOException {
      send("{\"return\": " + json + "}\n");
    }

    /** Answers a sync as the agent does; returns whether it was one. */
    boolean sync(String command, JsonNode arguments) throws IOException {
      if (!command.equals("guest-sync-delimited")) {
        return false;
      }
      send(new byte[] {(byte) 0xff});
      answer(arguments.path("id").toString());
      return true;
    }

    void hangUp() throws IOException {
      channel.close();
    }
  }
}
