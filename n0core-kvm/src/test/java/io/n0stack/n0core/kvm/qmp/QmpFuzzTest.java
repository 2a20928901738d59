package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gives decoders what no QEMU sends. Each {@code @FuzzTest} replays what is sound; with {@code
 * JAZZER_FUZZ=1} Jazzer goes on from there.
 */
class QmpFuzzTest {
  private static final int ROUNDS = 2000;
  private static final List<String> STREAMS = List.of(
      FakeMonitor.GREETING,
      "{\"return\": {\"status\": \"running\"}, \"id\": \"abc12\"}\r\n",
      "{\"error\": {\"class\": \"GenericError\", \"desc\": \"x\"}}\n",
      "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\n",
      "{\"timestamp\": {\"seconds\": -1, \"microseconds\": -1}, \"event\": \"RTC_CHANGE\","
          + " \"data\": {\"offset\": 18446744073709551615, \"qom-path\": [1e400]}}\n");

  static Stream<byte[]> streams() {
    return STREAMS.stream().map(text -> text.getBytes(StandardCharsets.UTF_8));
  }

  static Stream<byte[]> schemas() {
    return Stream.of(QmpSchemaTest.LINE);
  }

  @MethodSource("streams")
  @FuzzTest(maxDuration = "5m")
  void stream(byte[] input) throws IOException {
    read(input);
  }

  @MethodSource("schemas")
  @FuzzTest(maxDuration = "5m")
  void schema(byte[] input) {
    parse(input);
  }

  @Test
  void brokenStreamsAndSchemasNeverDoMoreThanFail() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<byte[]> streams = streams().toList();
    for (int i = 0; i < ROUNDS; i++) {
      try {
        read(broken(streams.get(random.nextInt(streams.size())), random));
        parse(broken(QmpSchemaTest.LINE, random));
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", round " + i, e);
      }
    }
  }

  private static byte[] broken(byte[] sound, Random random) {
    byte[] broken = Arrays.copyOf(sound, random.nextInt(sound.length) + 1);
    for (int i = random.nextInt(4); i > 0; i--) {
      broken[random.nextInt(broken.length)] = (byte) random.nextInt();
    }
    return broken;
  }

  /** Whatever comes, and however it is split, the lines are the same and none throws. */
  private static void read(byte[] input) throws IOException {
    Connection connection = new Connection("fuzz", new FedTransport(List.of()));
    QmpListener listener = new QmpListener() {
      @Override
      public void event(QmpEvent event) {
        assertThat(event.at()).isNotNull();
      }

      @Override
      public void lost(long count) {}
    };
    try {
      connection.ready();
      connection.subscribe(Runnable::run, listener);
      Lines lines = new Lines(FedTransport.split(input, input.length / 2));
      while (lines.fill(0) >= 0) {
        for (byte[] line = lines.next(); line != null; line = lines.next()) {
          connection.line(line);
          result(line);
        }
      }
    } finally {
      connection.close();
    }
  }

  private static void result(byte[] line) {
    try {
      assertThat(Replies.result("monitor", "x", line)).isNotNull();
    } catch (N0Exception e) {
      assertThat(e.code()).isNotNull();
    }
  }

  private static void parse(byte[] input) {
    try {
      QmpSchema schema = QmpSchema.parse(input);
      for (String command : schema.commands()) {
        schema.arguments(command);
        schema.supports(command.matches("[\\w-]+") ? command + ".child.driver=file" : "plug");
        validate(schema, command);
      }
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INTERNAL);
    }
  }

  private static void validate(QmpSchema schema, String command) {
    try {
      schema.validate(command, java.util.Map.of("driver", "file", "path", Duration.ZERO));
    } catch (N0Exception e) {
      assertThat(e.code()).isNotNull();
    }
  }
}
