package io.n0stack.n0core.storage.fetch;

import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** An HTTP server that says whatever a test wants, one request per connection. */
final class RawServer implements AutoCloseable {
  private final ServerSocket listening;
  private final Script script;
  private final String scheme;
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  /** What the server does with a request. */
  @FunctionalInterface
  interface Script {
    void answer(Request request, Out out) throws IOException;
  }

  /**
   * A request.
   *
   * @param number how many there were before
   * @param path its target
   * @param headers its fields, names in lower case
   */
  record Request(int number, String path, Map<String, String> headers) {
    /** Returns the first position of the range asked for, 0 if none was. */
    long from() {
      String range = headers.getOrDefault("range", "bytes=0-");
      return Long.parseLong(range.substring("bytes=".length(), range.length() - 1));
    }
  }

  /**
   * The way back.
   *
   * @param owed how much of what was announced was not sent
   */
  record Out(Socket socket, OutputStream stream, AtomicLong owed) {
    private static final String LENGTH = "Content-Length: ";

    Out head(String status, String... fields) throws IOException {
      StringBuilder head = new StringBuilder("HTTP/1.1 " + status + "\r\n");
      for (String field : fields) {
        head.append(field).append("\r\n");
      }
      Out sent = text(head + "\r\n");
      owed.set(Stream.of(fields)
          .filter(field -> field.matches(LENGTH + "\\d{1,18}"))
          .mapToLong(field -> Long.parseLong(field.substring(LENGTH.length())))
          .findFirst()
          .orElse(0));
      return sent;
    }

    Out text(String text) throws IOException {
      return bytes(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    Out bytes(byte[] bytes) throws IOException {
      return bytes(bytes, 0, bytes.length);
    }

    Out bytes(byte[] bytes, int from, int to) throws IOException {
      stream.write(bytes, from, to - from);
      stream.flush();
      owed.addAndGet(from - to);
      return this;
    }

    /** Java's client forgets what it was sent and has not handed over when it hears of the end. */
    void letItBeTaken() {
      if (owed.get() > 0) {
        await().pollDelay(Duration.ofMillis(300)).until(() -> true);
      }
    }

    /** Ends the connection by a reset instead of an end. */
    void reset() throws IOException {
      letItBeTaken();
      socket.setSoLinger(true, 0);
      socket.close();
    }

    /** Says nothing until the client is gone. */
    void hang() throws IOException {
      drain(socket);
    }
  }

  private RawServer(ServerSocket listening, String scheme, Script script) {
    this.listening = listening;
    this.scheme = scheme;
    this.script = script;
    Thread thread = new Thread(this::accept, "raw-server");
    thread.setDaemon(true);
    thread.start();
  }

  static RawServer of(Script script) throws IOException {
    return new RawServer(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), "http", script);
  }

  static RawServer of(ServerSocket listening, String scheme, Script script) {
    return new RawServer(listening, scheme, script);
  }

  /** Serves a file as a good server does: with length, version and parts. */
  static RawServer serving(byte[] file) throws IOException {
    return of((request, out) -> serve(request, out, file, "ETag: \"v1\""));
  }

  static void serve(Request request, Out out, byte[] file, String version) throws IOException {
    int from = (int) request.from();
    if (from == 0) {
      out.head("200 OK", "Content-Length: " + file.length, version).bytes(file);
    } else if (from >= file.length) {
      out.head("416 No", "Content-Range: bytes */" + file.length, "Content-Length: 0");
    } else {
      out.head(
              "206 Part",
              "Content-Length: " + (file.length - from),
              "Content-Range: bytes " + from + "-" + (file.length - 1) + "/" + file.length,
              version)
          .bytes(file, from, file.length);
    }
  }

  private static void drain(Socket socket) throws IOException {
    int read = 0;
    while (read >= 0) {
      read = socket.getInputStream().read();
    }
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket socket = listening.accept();
        open.add(socket);
        Thread thread = new Thread(() -> talk(socket), "raw-server-connection");
        thread.setDaemon(true);
        thread.start();
      } catch (IOException e) {
        return;
      }
    }
  }

  private void talk(Socket socket) {
    try (socket) {
      BufferedReader in = new BufferedReader(
          new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
      String line = in.readLine();
      if (line == null) {
        return;
      }
      Map<String, String> headers = new HashMap<>();
      for (String field = in.readLine(); field != null && !field.isEmpty(); field = in.readLine()) {
        int colon = field.indexOf(':');
        headers.put(
            field.substring(0, colon).toLowerCase(Locale.ROOT),
            field.substring(colon + 1).trim());
      }
      Request request;
      synchronized (requests) {
        request = new Request(requests.size(), line.split(" ", 3)[1], headers);
        requests.add(request);
      }
      Out out = new Out(socket, socket.getOutputStream(), new AtomicLong());
      script.answer(request, out);
      if (!socket.isClosed()) {
        out.letItBeTaken();
        socket.shutdownOutput();
        drain(socket);
      }
    } catch (IOException e) {
      // The client has gone away, or the test is over.
      return;
    } finally {
      open.remove(socket);
    }
  }

  URI uri(String path) {
    return URI.create(scheme + "://localhost:" + listening.getLocalPort() + path);
  }

  List<Request> requests() {
    return new ArrayList<>(requests);
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
