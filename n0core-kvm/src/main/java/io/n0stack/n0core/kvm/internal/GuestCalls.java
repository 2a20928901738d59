package io.n0stack.n0core.kvm.internal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** The few calls of the agent in the guest that power and snapshots need. Used by one thread. */
final class GuestCalls implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final byte RESET = (byte) 0xff; // is in no UTF-8: the parsers begin anew
  private static final int LIMIT = 1 << 16;
  private static final int POLL_MILLIS = 5;

  private final SocketChannel channel;
  private final ByteBuffer in = ByteBuffer.allocate(4096).flip();

  private GuestCalls(SocketChannel channel) {
    this.channel = channel;
  }

  /** Says whether a guest has its side of the channel open, without which nobody would answer. */
  static boolean listens(Monitor monitor, Run run) {
    return monitor.execute("query-chardev").list("").stream()
        .filter(channel -> channel.text("/filename").contains(run.guestAgent().toString()))
        .anyMatch(channel -> channel.flag("/frontend-open"));
  }

  /** Finds an agent that answers in time; that there is none is usual. */
  static Optional<GuestCalls> find(Run run, Duration limit) {
    if (!Files.exists(run.guestAgent())) {
      return Optional.empty();
    }
    long end = System.nanoTime() + limit.toNanos();
    boolean found = false;
    SocketChannel channel = null;
    try {
      channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      channel.configureBlocking(false);
      if (!channel.connect(UnixDomainSocketAddress.of(run.guestAgent()))) {
        return Optional.empty();
      }
      GuestCalls calls = new GuestCalls(channel);
      found = calls.sync(end);
      return found ? Optional.of(calls) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } finally {
      if (!found) {
        close(channel);
      }
    }
  }

  private boolean sync(long end) throws IOException {
    int id = RANDOM.nextInt(Integer.MAX_VALUE);
    byte[] request = request("guest-sync-delimited", Map.of("id", id));
    write(ByteBuffer.allocate(request.length + 1).put(RESET).put(request).flip(), end);
    while (true) {
      Optional<Byte> next = next(end);
      if (next.isEmpty()) {
        return false;
      }
      if (next.get() == RESET) {
        Optional<String> line = line(end);
        if (line.isEmpty()) {
          return false;
        }
        if (JSON.readTree(line.get()).path("return").asInt() == id) {
          return true;
        }
      }
    }
  }

  /**
   * Runs a command.
   *
   * @throws N0Exception UNAVAILABLE if the agent refuses or does not answer in time
   */
  JsonNode execute(String command, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    try {
      write(ByteBuffer.wrap(request(command, Map.of())), end);
      String line = line(end)
          .orElseThrow(() -> new OperationTimeoutException(command + " in the guest", limit));
      JsonNode answer = JSON.readTree(line);
      if (!answer.has("return")) {
        throw new IOException(answer.path("error").path("desc").asText("an odd answer"));
      }
      return answer.path("return");
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, command, command + " in the guest: " + e.getMessage(), e);
    }
  }

  /** Asks for what is answered by doing it. */
  void tell(String command, Map<String, ?> arguments, Duration limit) throws IOException {
    write(ByteBuffer.wrap(request(command, arguments)), System.nanoTime() + limit.toNanos());
  }

  private static byte[] request(String command, Map<String, ?> arguments) throws IOException {
    return (JSON.writeValueAsString(Map.of("execute", command, "arguments", arguments)) + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  private void write(ByteBuffer bytes, long end) throws IOException {
    while (bytes.hasRemaining()) {
      if (channel.write(bytes) == 0) {
        if (System.nanoTime() >= end) {
          throw new IOException("it takes no request");
        }
        Pauses.pause("talk to the guest's agent", POLL_MILLIS);
      }
    }
  }

  private Optional<String> line(long end) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (Optional<Byte> next = next(end); next.isPresent(); next = next(end)) {
      if (next.get() == '\n') {
        return Optional.of(line.toString(StandardCharsets.UTF_8));
      }
      line.write(next.get());
      if (line.size() > LIMIT) {
        throw new IOException("its answer is too long");
      }
    }
    return Optional.empty();
  }

  private Optional<Byte> next(long end) throws IOException {
    while (!in.hasRemaining()) {
      in.clear();
      int count = channel.read(in);
      in.flip();
      if (count < 0) {
        throw new IOException("its channel was closed");
      }
      if (count == 0) {
        if (System.nanoTime() >= end) {
          return Optional.empty();
        }
        Pauses.pause("talk to the guest's agent", POLL_MILLIS);
      }
    }
    return Optional.of(in.get());
  }

  private static void close(@org.jspecify.annotations.Nullable SocketChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw DurableFiles.failure("guest agent", "close the guest agent's channel", e);
    }
  }

  @Override
  public void close() {
    close(channel);
  }
}
