package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpSchema;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Compares each command with the schema of the QEMU that is to get it, if the system property {@code
 * n0core.kvm.strict} is true. It is for tests: without the property nothing is asked and nothing
 * compared.
 */
final class SchemaCheck {
  private static final boolean ON = Boolean.getBoolean("n0core.kvm.strict");
  private static final Duration LIMIT = Duration.ofSeconds(30);
  // By QEMU's version: static, because each of a thousand drivers in a test would ask again.
  private static final Map<String, QmpSchema> KNOWN = new ConcurrentHashMap<>();

  private SchemaCheck() {}

  /**
   * Checks a command before it is sent.
   *
   * @throws IllegalStateException if this QEMU does not know the command, an argument or a value, or
   *     if one is missing or of a wrong type; it is not a refusal by QEMU, which a caller may expect
   */
  static void check(QmpClient client, String command, Map<String, ?> arguments) {
    if (!ON) {
      return;
    }
    QmpSchema schema = KNOWN.computeIfAbsent(
        client.greeting().find("/version").map(Object::toString).orElse(""),
        version -> QmpSchema.of(client, LIMIT));
    try {
      schema.validate(command, arguments);
    } catch (N0Exception e) {
      throw new IllegalStateException("not in QEMU's schema: " + e.getMessage(), e);
    }
  }
}
