package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LinesTest {
  @Test
  void linesAreWholeWhereverTheStreamIsSplit() throws IOException {
    byte[] stream = "{\"a\": 1}\r\n\n{\"b\": \"h\u00e4\u20ac\"}\nrest".getBytes(StandardCharsets.UTF_8);
    for (int at = 0; at <= stream.length; at++) {
      assertThat(all(new Lines(FedTransport.split(stream, at))))
          .as("split at " + at)
          .containsExactly("{\"a\": 1}\r", "", "{\"b\": \"h\u00e4\u20ac\"}");
    }
  }

  @Test
  void theBufferGrowsForALargeLineAndShrinksAfterIt() throws IOException {
    byte[] large = ("x".repeat(1 << 20) + "\n").getBytes(StandardCharsets.UTF_8);
    byte[] small = "y\n".getBytes(StandardCharsets.UTF_8);
    Lines lines = new Lines(new FedTransport(List.of(small, large, small)));

    List<Integer> lengths = new ArrayList<>();
    int most = 0;
    while (lines.fill(0) >= 0) {
      most = Math.max(most, lines.capacity());
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        lengths.add(line.length);
      }
    }

    assertThat(lengths).containsExactly(1, 1 << 20, 1);
    assertThat(most).isGreaterThan(1 << 20);
    assertThat(lines.capacity()).isEqualTo(Lines.SMALL);
  }

  private static List<String> all(Lines lines) throws IOException {
    List<String> all = new ArrayList<>();
    while (lines.fill(0) >= 0) {
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        all.add(new String(line, StandardCharsets.UTF_8));
      }
    }
    return all;
  }
}
