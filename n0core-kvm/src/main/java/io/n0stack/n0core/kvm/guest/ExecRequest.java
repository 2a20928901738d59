package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A process to start in the guest: no shell reads its arguments. Immutable.
 *
 * @since 0.1
 */
public final class ExecRequest {
  private static final int INPUT = 16 << 20;
  private static final int OUTPUT = 1 << 20;
  private static final int MOST = 16 << 20; // what the agent keeps

  private final Map<String, Object> arguments;
  private final int outputBytes;

  private ExecRequest(Map<String, Object> arguments, int outputBytes) {
    this.arguments = arguments;
    this.outputBytes = outputBytes;
  }

  /**
   * Names a program.
   *
   * @param path the program
   * @param arguments its arguments, without its name
   * @return a request that keeps 1 MiB of each output
   */
  public static ExecRequest of(String path, String... arguments) {
    Rules.text("path", path, 4096);
    return new ExecRequest(
        Map.of("path", path, "arg", List.copyOf(Arrays.asList(arguments)), "capture-output", true),
        OUTPUT);
  }

  /**
   * Returns the same with an environment of its own.
   *
   * @param variables its variables by name
   * @return a copy
   * @throws N0Exception INVALID if a name is empty or has an equals sign
   */
  public ExecRequest withEnvironment(Map<String, String> variables) {
    variables.keySet().forEach(name -> {
      if (name.isEmpty() || name.indexOf('=') >= 0) {
        throw N0Exception.invalid("variables", name, "must be a name without '='");
      }
    });
    return with(
        "env",
        variables.entrySet().stream()
            .map(each -> each.getKey() + "=" + each.getValue())
            .toList());
  }

  /**
   * Returns the same with something on standard input.
   *
   * @param input what it reads, at most 16 MiB
   * @return a copy
   */
  public ExecRequest withInput(byte[] input) {
    Rules.range("input", input.length, 0, INPUT);
    return with("input-data", Base64.getEncoder().encodeToString(input));
  }

  /**
   * Returns the same with another limit.
   *
   * @param bytes the most that is kept of each output, at most 16 MiB
   * @return a copy
   */
  public ExecRequest withOutputBytes(int bytes) {
    return new ExecRequest(arguments, (int) Rules.range("bytes", bytes, 0, MOST));
  }

  private ExecRequest with(String name, Object value) {
    Map<String, Object> changed = new LinkedHashMap<>(arguments);
    changed.put(name, value);
    return new ExecRequest(Map.copyOf(changed), outputBytes);
  }

  Map<String, Object> arguments() {
    return arguments;
  }

  int outputBytes() {
    return outputBytes;
  }
}
