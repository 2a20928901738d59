package io.n0stack.n0core.kvm.internal.console;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server's side of one websocket (RFC 6455), with a byte stream behind it. */
final class WebSocket {
  private static final Logger LOG = LoggerFactory.getLogger(WebSocket.class);
  private static final String MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // section 1.3
  private static final int HANDSHAKE_MILLIS = 5_000;
  private static final int MOST_HEADERS = 8192;
  private static final long MOST_PAYLOAD = 1 << 20;
  private static final int CHUNK = 16_384;
  private static final int CONTINUATION = 0;
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;
  private static final int FINAL = 0x80;
  private static final int MASKED = 0x80;
  private static final int PROTOCOL_ERROR = 1002;
  private static final int UNSUPPORTED = 1003;
  private static final int TOO_BIG = 1009;
  private static final int MOST_CONTROL = 125;

  private final DataInputStream in;
  private final OutputStream out;
  private final SocketChannel stream;

  private WebSocket(DataInputStream in, OutputStream out, SocketChannel stream) {
    this.in = in;
    this.out = out;
    this.stream = stream;
  }

  /** Reads the client's request, which must name a secret, and accepts or refuses it. */
  static WebSocket accept(Socket client, Function<String, Optional<Supplier<SocketChannel>>> redeem)
      throws IOException {
    client.setTcpNoDelay(true);
    DataInputStream in = new DataInputStream(new BufferedInputStream(client.getInputStream()));
    OutputStream out = client.getOutputStream();
    String[] request = head(client, in).split("\r\n", -1);
    Map<String, String> headers = headers(request);
    String[] line = request[0].split(" ", -1);
    String key = headers.getOrDefault("sec-websocket-key", "");
    if (line.length != 3
        || !line[0].equals("GET")
        || !line[1].startsWith("/")
        || !headers.getOrDefault("upgrade", "").equalsIgnoreCase("websocket")
        || !headers.getOrDefault("sec-websocket-version", "").equals("13")
        || key.isEmpty()) {
      throw refuse(out, "400 Bad Request");
    }
    Optional<Supplier<SocketChannel>> granted = redeem.apply(line[1].substring(1));
    if (granted.isEmpty()) {
      throw refuse(out, "403 Forbidden");
    }
    boolean binary = Arrays.asList(
            headers.getOrDefault("sec-websocket-protocol", "").split("\\s*,\\s*", -1))
        .contains("binary");
    SocketChannel stream = granted.get().get();
    boolean ready = false;
    try {
      write(
          out,
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              + "Sec-WebSocket-Accept: " + proof(key) + "\r\n"
              + (binary ? "Sec-WebSocket-Protocol: binary\r\n" : "") + "\r\n");
      client.setSoTimeout(0);
      ready = true;
      return new WebSocket(in, out, stream);
    } finally {
      if (!ready) {
        stream.close();
      }
    }
  }

  private static IOException refuse(OutputStream out, String status) throws IOException {
    write(out, "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return new IOException("refused: " + status);
  }

  private static void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
  }

  /** Reads the request, all of it within the limit: one byte now and then does not prolong it. */
  private static String head(Socket client, InputStream in) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(HANDSHAKE_MILLIS);
    StringBuilder head = new StringBuilder();
    while (head.length() < MOST_HEADERS) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        throw new SocketTimeoutException("no whole request within " + HANDSHAKE_MILLIS + " ms");
      }
      client.setSoTimeout((int) left);
      int next = in.read();
      if (next < 0) {
        throw new EOFException("no request");
      }
      head.append((char) next);
      if (next == '\n' && head.toString().endsWith("\r\n\r\n")) {
        return head.toString();
      }
    }
    throw new IOException("the request is too long");
  }

  private static Map<String, String> headers(String[] lines) {
    Map<String, String> headers = new HashMap<>();
    for (String line : lines) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        headers.put(
            line.substring(0, colon).trim().toLowerCase(Locale.ROOT),
            line.substring(colon + 1).trim());
      }
    }
    return headers;
  }

  private static String proof(String key) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-1")
          .digest((key + MAGIC).getBytes(StandardCharsets.ISO_8859_1));
      return Base64.getEncoder().encodeToString(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-1", e);
    }
  }

  /** Passes bytes both ways until one side ends. */
  void serve() throws IOException {
    try (stream) {
      Thread down = new Thread(this::down, "n0core-screen-down");
      down.setDaemon(true);
      down.start();
      int code = up();
      if (code > 0) {
        frame(CLOSE, ByteBuffer.allocate(2).putShort((short) code).array(), 2);
      }
    }
  }

  /** From the stream to the client. */
  private void down() {
    byte[] bytes = new byte[CHUNK];
    ByteBuffer chunk = ByteBuffer.wrap(bytes);
    try {
      while (stream.read(chunk.clear()) >= 0) {
        frame(BINARY, bytes, chunk.position());
      }
      frame(CLOSE, new byte[0], 0);
      in.close(); // the client need not answer the close
    } catch (IOException e) {
      LOG.debug("a screen's session ended: {}", e.toString());
    }
  }

  private void frame(int opcode, byte[] payload, int length) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(length + 10).put((byte) (FINAL | opcode));
    if (length <= MOST_CONTROL) {
      frame.put((byte) length);
    } else if (length <= 0xffff) {
      frame.put((byte) 126).putShort((short) length);
    } else {
      frame.put((byte) 127).putLong(length);
    }
    frame.put(payload, 0, length);
    synchronized (out) {
      out.write(frame.array(), 0, frame.position());
      out.flush();
    }
  }

  /** From the client to the stream; returns the code of the close that it deserves, 0 for none. */
  private int up() throws IOException {
    byte[] mask = new byte[4];
    while (true) {
      int first = in.read();
      if (first < 0) {
        return 0;
      }
      int opcode = first & 0x0f;
      int second = in.readUnsignedByte();
      long length = length(second & 0x7f);
      boolean control = opcode >= CLOSE;
      if ((first & 0x70) != 0
          || (second & MASKED) == 0
          || (control && (length > MOST_CONTROL || (first & FINAL) == 0))) {
        return PROTOCOL_ERROR;
      }
      if (length < 0 || length > MOST_PAYLOAD) {
        return TOO_BIG;
      }
      in.readFully(mask);
      byte[] payload = new byte[(int) length];
      in.readFully(payload);
      for (int i = 0; i < payload.length; i++) {
        payload[i] ^= mask[i & 3];
      }
      switch (opcode) {
        case CONTINUATION, BINARY -> pass(payload);
        case PING -> frame(PONG, payload, payload.length);
        case PONG -> {}
        case CLOSE -> {
          frame(CLOSE, payload, Math.min(2, payload.length));
          return 0;
        }
        case TEXT -> {
          return UNSUPPORTED;
        }
        default -> {
          return PROTOCOL_ERROR;
        }
      }
    }
  }

  private long length(int seven) throws IOException {
    return switch (seven) {
      case 126 -> in.readUnsignedShort();
      case 127 -> in.readLong();
      default -> seven;
    };
  }

  private void pass(byte[] payload) throws IOException {
    ByteBuffer rest = ByteBuffer.wrap(payload);
    while (rest.hasRemaining()) {
      stream.write(rest);
    }
  }
}
