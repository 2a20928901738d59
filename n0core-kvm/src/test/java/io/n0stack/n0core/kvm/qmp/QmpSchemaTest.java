package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class QmpSchemaTest {
  static final byte[] LINE = String.join(
          "",
          "{\"return\": [",
          "{\"name\": \"plug\", \"meta-type\": \"command\", \"arg-type\": \"1\", \"ret-type\": \"0\",",
          " \"features\": [\"unstable\"], \"allow-oob\": false},",
          "{\"name\": \"look\", \"meta-type\": \"command\", \"arg-type\": \"0\", \"ret-type\": \"[6]\"},",
          "{\"name\": \"device_add\", \"meta-type\": \"command\", \"arg-type\": \"6\", \"ret-type\": \"0\"},",
          "{\"name\": \"PLUGGED\", \"meta-type\": \"event\", \"arg-type\": \"6\"},",
          "{\"name\": \"0\", \"meta-type\": \"object\", \"members\": []},",
          "{\"name\": \"1\", \"meta-type\": \"object\", \"tag\": \"driver\", \"members\": [",
          "  {\"name\": \"driver\", \"type\": \"2\"},",
          "  {\"name\": \"size\", \"type\": \"int\", \"default\": null, \"features\": [\"deprecated\"]},",
          "  {\"name\": \"child\", \"type\": \"4\", \"default\": null},",
          "  {\"name\": \"tags\", \"type\": \"[str]\", \"default\": null}],",
          " \"variants\": [{\"case\": \"file\", \"type\": \"3\"}, {\"case\": \"none\", \"type\": \"0\"}]},",
          "{\"name\": \"2\", \"meta-type\": \"enum\", \"values\": [\"file\", \"none\"], \"members\": [",
          "  {\"name\": \"file\"}, {\"name\": \"none\", \"features\": [\"deprecated\"]}]},",
          "{\"name\": \"3\", \"meta-type\": \"object\", \"members\": [{\"name\": \"path\", \"type\": \"str\"},",
          "  {\"name\": \"locked\", \"type\": \"bool\", \"default\": null}]},",
          "{\"name\": \"4\", \"meta-type\": \"alternate\", \"members\": [{\"type\": \"str\"},",
          "  {\"type\": \"1\"}, {\"type\": \"null\"}]},",
          "{\"name\": \"6\", \"meta-type\": \"object\", \"members\": [{\"name\": \"id\", \"type\": \"str\"}]},",
          "{\"name\": \"[6]\", \"meta-type\": \"array\", \"element-type\": \"6\"},",
          "{\"name\": \"[str]\", \"meta-type\": \"array\", \"element-type\": \"str\"},",
          "{\"name\": \"str\", \"meta-type\": \"builtin\", \"json-type\": \"string\"},",
          "{\"name\": \"int\", \"meta-type\": \"builtin\", \"json-type\": \"int\"},",
          "{\"name\": \"bool\", \"meta-type\": \"builtin\", \"json-type\": \"boolean\"},",
          "{\"name\": \"null\", \"meta-type\": \"builtin\", \"json-type\": \"null\"}",
          "], \"id\": \"abc12\"}")
      .getBytes(StandardCharsets.UTF_8);

  private final QmpSchema schema = QmpSchema.parse(LINE);

  @Test
  void commandsEventsAndArgumentsAreListed() {
    assertThat(schema.commands()).containsExactly("device_add", "look", "plug");
    assertThat(schema.events()).containsExactly("PLUGGED");
    assertThat(schema.arguments("plug").orElseThrow())
        .startsWith(
            new QmpSchema.Argument("driver", "enum", false, List.of("file", "none"), List.of()),
            new QmpSchema.Argument("size", "int", true, List.of(), List.of("deprecated")));
    assertThat(schema.arguments("look")).contains(List.of());
    assertThat(schema.arguments("PLUGGED")).isEmpty();
  }

  @Test
  void pathsFindWhatIsThere() {
    for (String path : List.of(
        "plug",
        "PLUGGED",
        "PLUGGED.id",
        "plug@unstable",
        "plug.size@deprecated",
        "plug.path",
        "plug.child.child.locked",
        "plug.driver=none",
        "plug.child.driver=file",
        "plug.driver=none@deprecated",
        "look().id")) {
      assertThat(schema.supports(path)).as(path).isTrue();
    }
  }

  @Test
  void pathsDoNotFindWhatIsNotThere() {
    for (String path : List.of(
        "plugs",
        "1",
        "1.driver",
        "PLUGGED.path",
        "plug@json-cli",
        "plug.driver@deprecated",
        "plug.id",
        "plug.driver=qcow2",
        "plug.size=1",
        "plug.driver=file@deprecated",
        "plug().id",
        "look.id")) {
      assertThat(schema.supports(path)).as(path).isFalse();
    }
  }

  @Test
  void aPathThatIsNoneIsInvalid() {
    for (String path : List.of("", "a b", "plug=1", "plug..x", "plug.", ".x", "plug@", "plug.a=")) {
      assertThatExceptionOfType(N0Exception.class)
          .as(path)
          .isThrownBy(() -> schema.supports(path))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
  }

  @Test
  void whatFitsIsValid() {
    Map<String, Object> child = new HashMap<>();
    child.put("driver", "none");
    child.put("child", null);
    schema.validate(
        "plug",
        Map.of("driver", "file", "path", "/x", "locked", true, "size", BigInteger.TEN, "child", child));
    schema.validate("plug", Map.of("driver", "none", "child", "node", "tags", List.of("a")));
    schema.validate("look", Map.of());
    schema.validate("device_add", Map.of("id", "d", "drive", "any property"));
  }

  @Test
  void whatQemuDoesNotKnowIsUnsupportedByName() {
    refused("plugs", Map.of(), N0Exception.Code.UNSUPPORTED, "plugs");
    refused("PLUGGED", Map.of(), N0Exception.Code.UNSUPPORTED, "PLUGGED");
    refused(
        "plug", Map.of("driver", "none", "path", "/x"), N0Exception.Code.UNSUPPORTED, "plug.path");
    refused("plug", Map.of("driver", "qcow2"), N0Exception.Code.UNSUPPORTED, "\"qcow2\"");
    refused("look", Map.of("x", 1), N0Exception.Code.UNSUPPORTED, "look.x");
    refused(
        "plug",
        Map.of("driver", "none", "child", Map.of("driver", "none", "sizes", 1)),
        N0Exception.Code.UNSUPPORTED,
        "plug.child.sizes");
  }

  @Test
  void whatDoesNotFitIsInvalidByName() {
    refused("plug", Map.of(), N0Exception.Code.INVALID, "plug.driver");
    refused("plug", Map.of("driver", "file"), N0Exception.Code.INVALID, "plug.path");
    refused("plug", Map.of("driver", 1), N0Exception.Code.INVALID, "plug.driver");
    refused("plug", Map.of("driver", "none", "size", "1"), N0Exception.Code.INVALID, "plug.size");
    refused("plug", Map.of("driver", "none", "size", 1.5), N0Exception.Code.INVALID, "plug.size");
    refused(
        "plug",
        Map.of("driver", "none", "tags", List.of("a", 1)),
        N0Exception.Code.INVALID,
        "plug.tags[1]");
    refused("plug", Map.of("driver", "none", "child", 1), N0Exception.Code.INVALID, "plug.child");
    refused("device_add", Map.of("id", 1), N0Exception.Code.INVALID, "device_add.id");
  }

  @Test
  void whatIsNoSchemaIsNotTaken() {
    for (int length = 0; length < LINE.length - 1; length += 7) {
      byte[] cut = Arrays.copyOf(LINE, length);
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> QmpSchema.parse(cut))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INTERNAL));
    }
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> QmpSchema.parse("{\"return\": []}".getBytes(StandardCharsets.UTF_8)));
  }

  private void refused(
      String command, Map<String, ?> arguments, N0Exception.Code code, String name) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> schema.validate(command, arguments))
        .withMessageContaining(name)
        .satisfies(e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void theUsualTimesAreGiven() {
    assertThat(QmpOptions.defaults().greeting()).isEqualTo(Duration.ofSeconds(2));
    assertThat(QmpOptions.defaults().outOfBand()).isFalse();
    assertThat(QmpOptions.defaults().withOutOfBand().outOfBand()).isTrue();
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> QmpOptions.defaults().withTimes(Duration.ZERO, Duration.ofSeconds(1)))
        .withMessageContaining("greeting");
  }
}
