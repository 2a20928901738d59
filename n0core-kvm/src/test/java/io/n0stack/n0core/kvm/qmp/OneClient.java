package io.n0stack.n0core.kvm.qmp;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A client that keeps commands on their way: a process to be killed in the middle of them. */
final class OneClient {
  private OneClient() {}

  public static void main(String[] arguments) {
    Duration limit = Duration.ofSeconds(30);
    try (QmpClient client = QmpClient.connect(Path.of(arguments[0]), limit)) {
      while (true) {
        List<CompletableFuture<QmpResult>> sent = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          sent.add(client.submit("query-qmp-schema", Map.of(), limit));
        }
        System.out.println("sent " + sent.size());
        client.execute("query-status", limit);
      }
    }
  }
}
