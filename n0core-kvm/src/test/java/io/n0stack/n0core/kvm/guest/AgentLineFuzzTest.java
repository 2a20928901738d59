package io.n0stack.n0core.kvm.guest;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever a guest sends, reading it ends, within the limits, in an answer or a said error. */
class AgentLineFuzzTest {
  private static final int LIMIT = 1 << 16;

  static Stream<byte[]> anythingEndsInAnAnswerOrAnError() {
    return Stream.of(
            "{\"return\": {\"version\": \"7\", \"supported_commands\": [{\"name\": 1}]}}\n",
            "{\"error\": {\"class\": \"a\", \"desc\": \"b\"}}\n",
            "\u00ff\n\u00ff{\"return\": 1}\n",
            "\r\n\n {\"return\": [{\"name\": \"lo\", \"ip-addresses\": {}}]}\n",
            "{\"return\": \"\\ud800\"}\n")
        .map(text -> text.getBytes(StandardCharsets.ISO_8859_1));
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void anythingEndsInAnAnswerOrAnError(byte[] input) {
    try {
      AgentLine line = new AgentLine(new Bytes(input), LIMIT);
      long deadline = System.nanoTime() + 60_000_000_000L;
      Optional<JsonNode> answer = line.call("guest-info", Map.of(), deadline);
      answer.ifPresent(AgentLineFuzzTest::read);
      assertThat(line.sync(deadline)).isFalse(); // nobody can guess the id
    } catch (IOException e) {
      assertThat(e).hasMessageMatching(".+");
    }
  }

  private static void read(JsonNode answer) {
    GuestResult result = new GuestResult(answer.path("return"));
    for (Runnable each : new Runnable[] {
      () -> AgentInfo.from(result),
      () -> OsInfo.from(result),
      () -> result.items("", NetworkInterface::from),
      () -> result.items("", Vcpu::from),
      () -> result.items("", FileSystem::from),
      () -> ExecStatus.from(result, 10),
      () -> result.bytes("/buf-b64"),
    }) {
      try {
        each.run();
      } catch (N0Exception e) {
        assertThat(e.code()).isEqualTo(N0Exception.Code.INTERNAL);
      }
    }
    assertThat(result.toString()).doesNotContainPattern("\\p{Cc}");
  }

  @Test
  void noiseEndsInAnAnswerOrAnError() {
    Random random = new Random(7);
    byte[] words =
        "{}[]\":,\\u \n\r0123eE-.returnoklass\u00ff\u0000".getBytes(StandardCharsets.ISO_8859_1);
    for (int round = 0; round < 3000; round++) {
      byte[] noise = new byte[random.nextInt(400)];
      for (int i = 0; i < noise.length; i++) {
        noise[i] = words[random.nextInt(words.length)];
      }
      anythingEndsInAnAnswerOrAnError(noise);
    }
  }

  /** Bytes that come in pieces of all lengths, then the end. */
  private static final class Bytes implements AgentStream {
    private final ByteBuffer rest;
    private int piece;

    private Bytes(byte[] bytes) {
      rest = ByteBuffer.wrap(bytes);
    }

    @Override
    public int read(ByteBuffer into, long deadline) {
      if (!rest.hasRemaining()) {
        return -1;
      }
      int count = Math.min(Math.min(1 + piece++ % 7, rest.remaining()), into.remaining());
      for (int i = 0; i < count; i++) {
        into.put(rest.get());
      }
      return count;
    }

    @Override
    public boolean write(ByteBuffer bytes, long deadline) {
      return true;
    }
  }
}
