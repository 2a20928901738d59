package io.n0stack.n0core.kvm.guest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One request, one answer. After anything but an answer in time, both sides are brought back into
 * step before the next request. Used by one thread at a time.
 */
final class AgentLine {
  private static final Logger LOG = LoggerFactory.getLogger(AgentLine.class);
  private static final byte RESET = (byte) 0xff; // never part of UTF-8; the agent's parser restarts
  private static final int SYNC_LIMIT = 4096;
  private static final int CHUNK = 1 << 16;
  private static final int DEPTH = 64;
  private static final int TOKENS = 1 << 20; // bounds the memory that many small values take
  private static final int BLANK = 16;

  private final AgentStream stream;
  private final int limit;
  private final ObjectMapper json;
  private final SecureRandom random = new SecureRandom();
  private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK).limit(0);
  private boolean inStep;

  AgentLine(AgentStream stream, int limit) {
    this.stream = stream;
    this.limit = limit;
    json = new ObjectMapper(JsonFactory.builder()
        .streamReadConstraints(StreamReadConstraints.builder()
            .maxStringLength(limit)
            .maxNestingDepth(DEPTH)
            .maxTokenCount(TOKENS)
            .build())
        .build());
  }

  /** Brings both sides into step, if they are not; returns whether the agent did its part in time. */
  boolean sync(long deadline) throws IOException {
    if (inStep && !chunk.hasRemaining() && receive(0) == 0) {
      return true;
    }
    inStep = false; // the agent spoke unasked: what comes next need not be an answer
    long id = random.nextLong() >>> 2;
    byte[] request = request("guest-sync-delimited", Map.of("id", id));
    ByteBuffer framed =
        ByteBuffer.allocate(request.length + 1).put(RESET).put(request).flip();
    if (!stream.write(framed, deadline)) {
      return false;
    }
    while (skipToReset(deadline)) {
      try {
        Optional<byte[]> line = line(SYNC_LIMIT, deadline);
        if (line.isPresent() && isSync(line.get(), id)) {
          inStep = true;
          return true;
        }
      } catch (MalformedAnswerException e) {
        LOG.debug("in search of a sync: {}", e.getMessage());
      }
    }
    return false;
  }

  /**
   * Sends a request and returns its answer, empty if there was none in time; the next request then
   * needs {@link #sync}.
   */
  Optional<JsonNode> call(String command, Map<String, ?> arguments, long deadline)
      throws IOException {
    inStep = false;
    if (!stream.write(ByteBuffer.wrap(request(command, arguments)), deadline)) {
      return Optional.empty();
    }
    Optional<byte[]> line = line(limit, deadline);
    if (line.isEmpty()) {
      return Optional.empty();
    }
    JsonNode answer;
    try {
      answer = json.readTree(line.get());
    } catch (JsonProcessingException e) {
      throw new MalformedAnswerException("the answer is not JSON of a permitted form");
    }
    if (answer == null || !(answer.has("return") || answer.path("error").isObject())) {
      throw new MalformedAnswerException("the answer is neither a result nor an error");
    }
    inStep = true;
    return Optional.of(answer);
  }

  /**
   * Sends a request that is answered only if it is refused, with a sync behind it; returns the
   * refusal, empty if there is none until the sync's answer, the end or the deadline.
   */
  Optional<JsonNode> tell(String command, Map<String, ?> arguments, long deadline)
      throws IOException {
    inStep = false;
    if (!stream.write(ByteBuffer.wrap(request(command, arguments)), deadline)) {
      return Optional.empty();
    }
    long id = random.nextLong() >>> 2;
    if (!stream.write(
        ByteBuffer.wrap(request("guest-sync-delimited", Map.of("id", id))), deadline)) {
      return Optional.empty();
    }
    Optional<byte[]> line = line(limit, deadline);
    if (line.isPresent() && !isSync(line.get(), id)) {
      try {
        return Optional.of(json.readTree(line.get())).filter(answer -> answer.has("error"));
      } catch (JsonProcessingException e) {
        throw new MalformedAnswerException("the answer is not JSON of a permitted form");
      }
    }
    return Optional.empty();
  }

  private boolean isSync(byte[] line, long id) {
    int begin = line.length; // behind the last reset: what is before it was cut off
    while (begin > 0 && line[begin - 1] != RESET) {
      begin--;
    }
    try {
      JsonNode answer = json.readTree(line, begin, line.length - begin);
      return answer != null
          && answer.path("return").isIntegralNumber()
          && answer.path("return").canConvertToLong()
          && answer.path("return").longValue() == id;
    } catch (IOException e) {
      return false; // what an agent's predecessor left, cut off
    }
  }

  private byte[] request(String command, Map<String, ?> arguments) {
    ObjectNode request = json.createObjectNode().put("execute", command);
    if (!arguments.isEmpty()) {
      request.set("arguments", json.valueToTree(arguments));
    }
    return (request + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private boolean skipToReset(long deadline) throws IOException {
    while (true) {
      while (chunk.hasRemaining()) {
        if (chunk.get() == RESET) {
          return true;
        }
      }
      if (fill(deadline) == 0) {
        return false;
      }
    }
  }

  /** Returns the next line that is not blank, empty at the deadline. */
  private Optional<byte[]> line(int most, long deadline) throws IOException {
    ByteArrayOutputStream held = new ByteArrayOutputStream(256);
    while (true) {
      int begin = chunk.position();
      while (chunk.hasRemaining()) {
        if (chunk.get() == '\n') {
          held.write(chunk.array(), begin, chunk.position() - begin - 1);
          requireShort(held, most);
          if (held.size() > BLANK || !held.toString(StandardCharsets.ISO_8859_1).isBlank()) {
            return Optional.of(held.toByteArray());
          }
          held.reset();
          begin = chunk.position();
        }
      }
      held.write(chunk.array(), begin, chunk.position() - begin);
      requireShort(held, most);
      if (fill(deadline) == 0) {
        return Optional.empty();
      }
    }
  }

  private static void requireShort(ByteArrayOutputStream held, int most)
      throws MalformedAnswerException {
    if (held.size() > most) {
      throw new MalformedAnswerException("the answer is longer than " + most + " bytes");
    }
  }

  /** Waits for bytes; returns 0 at the deadline, also if the other side never ceases to send. */
  private int fill(long deadline) throws IOException {
    return System.nanoTime() >= deadline ? 0 : receive(deadline - System.nanoTime());
  }

  private int receive(long nanos) throws IOException {
    chunk.clear();
    int count;
    try {
      count = stream.read(chunk, System.nanoTime() + nanos);
    } finally {
      chunk.flip();
    }
    if (count < 0) {
      throw new IOException("the agent's side closed the connection");
    }
    return count;
  }
}
