package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A monitor that misbehaves as it is told to. Serves one client on a thread of its own. */
final class FakeMonitor implements AutoCloseable {
  static final String GREETING =
      "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}}}\r\n";
  private static final Pattern ID = Pattern.compile("\"id\":\"([^\"]*)\"");

  /** What it does with its one client. */
  interface Script {
    void run(FakeMonitor monitor) throws IOException;
  }

  private final ServerSocketChannel server;
  private final Thread thread;
  private SocketChannel client;
  private final StringBuilder received = new StringBuilder();

  FakeMonitor(Path socket, Script script) throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    client = SocketChannel.open(StandardProtocolFamily.UNIX);
    thread = new Thread(() -> serve(script), "fake-monitor");
    thread.start();
  }

  private void serve(Script script) {
    try (SocketChannel accepted = server.accept()) {
      client = accepted;
      script.run(this);
    } catch (IOException e) {
      received.append(e); // the client went away, which is how most scripts end
    }
  }

  void send(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      client.write(bytes);
    }
  }

  /** Reads one request and returns its id. */
  String request() throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(4096);
    while (received.indexOf("\n") < 0) {
      chunk.clear();
      if (client.read(chunk) < 0) {
        throw new IOException("the client has gone");
      }
      received.append(StandardCharsets.UTF_8.decode(chunk.flip()));
    }
    int end = received.indexOf("\n");
    Matcher id = ID.matcher(received.substring(0, end));
    received.delete(0, end + 1);
    if (!id.find()) {
      throw new IOException("a request without id");
    }
    return id.group(1);
  }

  void answer(String id, String value) throws IOException {
    send("{\"return\": " + value + ", \"id\": \"" + id + "\"}\r\n");
  }

  /** Greets and answers qmp_capabilities. */
  void welcome() throws IOException {
    send(GREETING);
    answer(request(), "{}");
  }

  /** Reads until the client goes. */
  void untilItGoes() throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(4096);
    while (client.read(chunk.clear()) >= 0) {
      received.setLength(0);
    }
  }

  @Override
  public void close() throws IOException {
    client.close();
    server.close();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
