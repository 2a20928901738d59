package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;

/** Results and events for tests of other packages. */
public final class Results {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Results() {}

  public static QmpResult of(String json) {
    try {
      return new QmpResult(JSON.readTree(json));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(json, e);
    }
  }

  public static QmpEvent event(String name, String json) {
    return new QmpEvent(name, of(json), Instant.EPOCH);
  }
}
