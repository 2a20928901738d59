package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArgumentsTest {
  private static final List<String> MEMBER = List.of(
      "--name",
      "node-1",
      "--state",
      "/var/lib/agent",
      "--listen",
      "127.0.0.1:5679",
      "--api",
      "127.0.0.2:5679,127.0.0.3:5679",
      "--transport",
      "plaintext-isolated");

  @Test
  void whatIsNotTheAgentsIsForTheDrivers() {
    Arguments parsed = parse("--control", "127.0.0.1:0", "--kvm.directory", "/var/lib/kvm");

    assertThat(parsed.control().getPort()).isZero();
    assertThat(parsed.api()).containsExactly("127.0.0.2:5679", "127.0.0.3:5679");
    assertThat(parsed.drivers()).containsOnlyKeys("kvm.directory");
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1:65536", "127.0.0.1", ":80", "127.0.0.1:", "192.0.2.1:80"})
  void controlIsAPortOnLoopback(String control) {
    refused("--control", "--control", control);
  }

  @Test
  void eachOptionIsGivenOnceAndWithAValue() {
    refused("given once", "--control", "127.0.0.1:0", "--name", "node-2");
    refused("followed by a value", "--control");
    refused("must be given");
  }

  private static void refused(String message, String... more) {
    assertThatThrownBy(() -> parse(more))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining(message);
  }

  private static Arguments parse(String... more) {
    List<String> all = new ArrayList<>(MEMBER);
    all.addAll(List.of(more));
    return Arguments.parse(all.toArray(new String[0]));
  }
}
