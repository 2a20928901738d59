package io.n0stack.n0core.tck;

import io.n0stack.n0core.agent.JsonCodec;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Set;

/** Specs and statuses as an agent stores and shows them. */
final class CodecCases<S extends Spec, T> {
  private final Bench<S, T> bench;
  private final JsonCodec codec = new JsonCodec();

  CodecCases(Bench<S, T> bench) {
    this.bench = bench;
  }

  void roundTrips() {
    bench.with(driver -> {
      Descriptor<S, T> described = driver.describe();
      roundTrip(described.spec(), bench.fixture.spec());
      bench.fixture.changed().ifPresent(spec -> roundTrip(described.spec(), spec));
      bench.fixture.hostile().forEach(spec -> roundTrip(described.spec(), spec));
      bench.holds("a status was seen", !bench.statuses.isEmpty());
      // Those of a thousand cycles differ in nothing that matters here.
      List.copyOf(bench.statuses).stream()
          .limit(100)
          .forEach(status -> roundTrip(described.status(), status));
    });
  }

  private <V> void roundTrip(Class<V> type, V value) {
    String json = codec.encode(type, value);
    bench.same("read back from " + json, codec.decode(type, json), value);
    String newer = json.replaceFirst("\\{", "{\"n0core-tck-unknown\": 1" + comma(json));
    bench.same("read back with a field of another version", codec.decode(type, newer), value);
    bench.refused(
        "a field that does not exist",
        Set.of(N0Exception.Code.INVALID),
        () -> codec.parse(type, newer));
  }

  private static String comma(String json) {
    return json.replaceAll("\\s", "").equals("{}") ? "" : ",";
  }
}
