package io.n0stack.n0core.storage.seed;

import static io.n0stack.n0core.storage.seed.Seeds.HASH;
import static io.n0stack.n0core.storage.seed.Seeds.KEY;
import static io.n0stack.n0core.storage.seed.Seeds.assertRefused;
import static io.n0stack.n0core.storage.seed.Seeds.minimal;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CloudInitSeedTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  // YAML 1.1, 5.1: what a document may have; and of that, no other line break than line feed.
  private static final Pattern READABLE = Pattern.compile(
      "[\t\n\\x20-\\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\\x{10000}-\\x{10ffff}]*");

  @Test
  void aMinimalSeedNamesTheHostAndNothingElse() {
    CloudInitSeed seed = minimal().build();

    assertThat(seed.metaData())
        .isEqualTo("{\n  \"instance-id\" : \"i-1\",\n  \"local-hostname\" : \"web1\"\n}\n");
    assertThat(seed.userData()).isEqualTo("#cloud-config\n{ }\n");
    assertThat(seed.networkConfig()).isEmpty();
    assertThat(seed.image().toString()).endsWith("of [meta-data, user-data]");
  }

  @Test
  void aCompleteSeedSaysAllOfIt() throws IOException {
    CloudInitSeed seed = Seeds.complete();

    String config = """
            {'timezone': 'Europe/Berlin',
             'ssh_authorized_keys': ['KEY'],
             'users': ['default',
               {'name': 'alice', 'shell': '/bin/sh', 'lock_passwd': false, 'passwd': 'HASH',
                'ssh_authorized_keys': ['KEY'], 'sudo': 'ALL=(ALL) NOPASSWD:ALL',
                'groups': 'adm,www-data'}],
             'write_files': [{'path': '/etc/motd', 'permissions': '0600', 'encoding': 'b64',
               'content': 'aMOkbGxvCg==', 'owner': 'alice:adm', 'defer': true}],
             'runcmd': [['touch', '/a b'], ['sh', '-c', SCRIPT]]}""".replace("KEY", KEY)
        .replace("HASH", HASH)
        .replace("SCRIPT", "\"echo \\\"a\\nb\\\" > '/x'\\t# yes: no\"");
    // cloud-init 22.4 was seen to accept this: schema --config-file, devel net-convert.
    assertThat(JSON.readTree(seed.metaData()))
        .isEqualTo(json("{'instance-id': 'i-1', 'local-hostname': 'web1.example.org'}"));
    assertThat(config(seed)).isEqualTo(json(config));
    assertThat(JSON.readTree(seed.networkConfig().orElseThrow())).isEqualTo(json("""
            {'version': 2, 'ethernets': {
              'nic0': {'match': {'macaddress': '52:54:00:12:34:56'}, 'set-name': 'eth0',
                'dhcp4': true, 'dhcp6': false, 'mtu': 1400},
              'nic1': {'match': {'macaddress': '52:54:00:12:34:57'},
                'dhcp4': false, 'dhcp6': false, 'addresses': ['10.77.0.2/24'],
                'gateway4': '10.77.0.1',
                'routes': [{'to': '10.0.0.0/8', 'via': '10.77.0.9', 'metric': 5}],
                'nameservers': {'addresses': ['10.77.0.53'], 'search': ['example.org']}}}}"""));
    assertThat(seed.image().toString())
        .endsWith("of [meta-data, network-config, user-data, vendor-data]");
  }

  /** Quotes with apostrophes are easier on the eyes; a text that has some is replaced afterwards. */
  private static JsonNode json(String text) throws IOException {
    return new ObjectMapper().enable(JsonParser.Feature.ALLOW_SINGLE_QUOTES).readTree(text);
  }

  private static JsonNode config(CloudInitSeed seed) throws IOException {
    assertThat(seed.userData()).startsWith("#cloud-config\n{").matches(READABLE);
    return JSON.readTree(seed.userData().substring("#cloud-config\n".length()));
  }

  @Test
  void withoutTheDefaultUserOnlyTheNamedOnesAreCreated() throws IOException {
    CloudInitSeed seed =
        minimal().withoutDefaultUser().user(SeedUser.named("alice")).build();

    assertThat(config(seed).get("users"))
        .isEqualTo(json("[{'name': 'alice', 'shell': '/bin/bash', 'lock_passwd': true}]"));
    assertRefused(() -> minimal().withoutDefaultUser().build(), "users", "must name one");
    assertRefused(
        () -> minimal()
            .withoutDefaultUser()
            .authorizedKey(KEY)
            .user(SeedUser.named("alice"))
            .build(),
        "authorizedKeys",
        "must be empty");
  }

  @Test
  void rawUserDataIsPassedOnAsItIs() {
    String script = "#!/bin/sh\necho ü\n";

    assertThat(minimal().rawUserData(script).build().userData()).isEqualTo(script);
    assertRefused(
        () -> minimal().rawUserData(script).authorizedKey(KEY).build(), "rawUserData", "together");
    assertRefused(
        () -> minimal().rawUserData(script).withoutDefaultUser().build(),
        "rawUserData",
        "together");
    assertRefused(() -> minimal().rawUserData("users: []").build(), "rawUserData", "must begin");
    assertRefused(() -> minimal().rawUserData("#\ud800").build(), "rawUserData", "Unicode");
    assertRefused(
        () -> minimal().rawUserData("#" + "x".repeat(1 << 20)).build(), "rawUserData", "at most");
    assertRefused(() -> minimal().vendorData("").build(), "vendorData", "must begin");
  }

  @Test
  void anyTextThatIsAcceptedArrivesAsItIs() throws IOException {
    long start = System.nanoTime();
    int accepted = 0;
    for (int i = 0; i < 10_000; i++) {
      String text = text(new Random(start + i));
      try {
        CloudInitSeed seed = minimal().command("echo", text).build();

        assertThat(config(seed).at("/runcmd/0/1"))
            .as("seed %s", start + i)
            .isEqualTo(new TextNode(text));
        accepted++;
      } catch (N0Exception e) {
        assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
        assertThat(text).as("seed %s", start + i).doesNotMatch(READABLE);
      }
    }
    assertThat(accepted).isBetween(2_500, 9_500);
  }

  private static String text(Random random) {
    String special =
        "\"'\\:#-{}[]&*!|>%@`,? \t\n~=<\r\0\u0085\u2028\ufeff\ud83d\ude00\ud800\u007f\u00e4";
    StringBuilder out = new StringBuilder();
    for (int i = random.nextInt(12); i >= 0; i--) {
      switch (random.nextInt(12)) {
        case 0 -> out.append(special.charAt(random.nextInt(special.length())));
        case 1 -> out.appendCodePoint(random.nextInt(0xd800));
        case 2 -> out.append("😀");
        case 3 -> out.append(": ");
        case 4 -> out.append(" #");
        case 5 -> out.append("\n---\n");
        default -> out.append(special.charAt(random.nextInt(24)));
      }
    }
    return out.toString();
  }

  @Test
  void filesAreCarriedByteForByte() throws IOException {
    byte[] content = new byte[256];
    for (int i = 0; i < content.length; i++) {
      content[i] = (byte) i;
    }

    CloudInitSeed seed = minimal().file(SeedFile.of(Path.of("/opt/x"), content)).build();

    assertThat(
            Base64.getDecoder().decode(config(seed).at("/write_files/0/content").textValue()))
        .isEqualTo(content);
    assertThat(config(seed).at("/write_files/0/defer").isMissingNode()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-a", "a b", "a/b", "a\nb", "ä"})
  void instanceIdsThatCannotNameDirectoriesAreRefused(String id) {
    assertRefused(
        () -> CloudInitSeed.builder(id, "web1").build(), "instanceId", "must be 1 to 128");
  }

  @Test
  void namesThatHostsCannotHaveAreRefused() {
    assertRefused(() -> CloudInitSeed.builder("i-1", "Web_1").build(), "hostname", "a-z");
    assertRefused(() -> minimal().fqdn("web2.example.org").build(), "fqdn", "must begin with");
    assertRefused(() -> minimal().fqdn("web1").build(), "fqdn", "must begin with");
    assertRefused(() -> minimal().fqdn("web1..org").build(), "fqdn", "labels");
    assertRefused(() -> minimal().timezone("../../etc/passwd").build(), "timezone", "tz database");
    assertThat(minimal().timezone("Etc/GMT+12").build().timezone()).contains("Etc/GMT+12");
    assertThat(minimal().timezone("America/Argentina/Buenos_Aires").build().timezone())
        .isPresent();
  }

  @Test
  void commandsUsersAndNicsAreCheckedTogether() {
    assertRefused(() -> minimal().command().build(), "commands", "begin with a program");
    assertRefused(() -> minimal().command(" ").build(), "commands", "begin with a program");
    assertRefused(() -> minimal().command("echo", "a\rb").build(), "commands", "control");
    assertRefused(
        () -> minimal().user(SeedUser.named("a")).user(SeedUser.named("a")).build(),
        "users",
        "each once");
    SeedNic nic = SeedNic.builder(Seeds.FIRST).build();
    assertRefused(() -> minimal().nic(nic).nic(nic).build(), "nics, mac", "each once");
    assertRefused(
        () -> minimal()
            .nic(SeedNic.builder(Seeds.FIRST).name("eth0").build())
            .nic(SeedNic.builder(Seeds.SECOND).name("eth0").build())
            .build(),
        "nics, name",
        "each once");
    assertRefused(() -> minimal().time(Instant.MAX).build(), "time", "2155");
  }

  @Test
  void nothingSecretIsPrinted() {
    CloudInitSeed seed = Seeds.complete();

    assertThat(seed.toString()).isEqualTo("cloud-init seed \"i-1\" for \"web1\"");
    assertThat(seed.users().get(0).toString())
        .isEqualTo("user \"alice\" with 1 keys, password set");
    assertThat(seed.files().get(0).toString()).isEqualTo("file \"/etc/motd\" 0600 of alice:adm");
    assertThat(Optional.of(seed.image().toString())).get().asString().doesNotContain(HASH);
  }

  @Test
  void theImageIsWritten(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("seed.iso");

    Seeds.complete().write(file);

    assertThat(Files.readAllBytes(file)).isEqualTo(Seeds.complete().image().toBytes());
  }
}
