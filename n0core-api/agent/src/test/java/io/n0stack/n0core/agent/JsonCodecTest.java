package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class JsonCodecTest {
  private final JsonCodec codec = new JsonCodec();

  static Stream<Arguments> specs() {
    NetworkSpec.Gateway gateway = new NetworkSpec.Gateway(
        List.of(CidrAddress.parse("10.77.0.1/24"), CidrAddress.parse("fd00::1/64")),
        NetworkSpec.Nat.MASQUERADE,
        Optional.of(NetworkSpec.Dhcp.addressesOnly()
            .withDnsServers(CidrAddress.literal("192.0.2.53"), CidrAddress.literal("fd00::53"))
            .withDomain("lan.example")
            .withLeaseTime(Duration.ofMinutes(90))));
    return Stream.of(
        Arguments.of(NetworkSpec.class, NetworkSpec.Flat.isolated()),
        Arguments.of(NetworkSpec.class, NetworkSpec.Flat.onUplink("eth1").withGateway(gateway)),
        Arguments.of(
            NetworkSpec.class,
            new NetworkSpec.Vlan(12, "eth1", Optional.of(gateway), Optional.of(1400))),
        Arguments.of(
            NetworkSpec.class,
            new NetworkSpec.Vxlan(
                7,
                new NetworkSpec.Vxlan.Flooding.Peers(List.of(CidrAddress.literal("192.0.2.1"))),
                Optional.of(CidrAddress.literal("192.0.2.2")),
                4789,
                Optional.empty(),
                Optional.empty())),
        Arguments.of(
            NetworkSpec.class,
            NetworkSpec.Vxlan.toGroup(7, CidrAddress.literal("239.1.1.1"), "eth1")
                .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))
                    .withDhcp(NetworkSpec.Dhcp.addressesOnly()))),
        Arguments.of(PortSpec.class, PortSpec.on("lan")),
        Arguments.of(
            PortSpec.class,
            PortSpec.builder("lan")
                .mac(MacAddress.parse("52:54:00:12:34:56"))
                .mtu(1400)
                .ownerUid(1000)
                .transmitLimit(new PortSpec.RateLimit(1_000_000, 16_000))
                .isolation(PortSpec.Isolation.ISOLATED)
                .addresses(CidrAddress.literal("10.77.0.2"), CidrAddress.literal("fd00::2"))
                .build()),
        Arguments.of(VolumeSpec.class, VolumeSpec.empty(1 << 30)),
        Arguments.of(
            VolumeSpec.class,
            VolumeSpec.from(
                new ImageSource.Backing(Path.of("/images/a:b,c.qcow2"), ImageFormat.QCOW2))),
        Arguments.of(
            VolumeSpec.class,
            VolumeSpec.from(new ImageSource.Download(
                URI.create("https://images.example/x"),
                "sha256:" + "0".repeat(64),
                ImageFormat.RAW))),
        Arguments.of(
            VolumeSpec.class,
            VolumeSpec.from(
                    new ImageSource.Conversion(Path.of("/images/old.vmdk"), ForeignFormat.VMDK))
                .withPreallocation(Preallocation.METADATA)
                .withEncryption(new Encryption(Path.of("/keys/root")))),
        Arguments.of(
            VolumeSpec.class,
            VolumeSpec.from(new ImageSource.Download(
                    URI.create("https://images.example/x.xz"),
                    "sha256:" + "0".repeat(64),
                    ImageFormat.QCOW2)
                .compressed(ImageSource.Compression.XZ))),
        Arguments.of(
            MachineSpec.class,
            MachineSpec.builder(2, 256 << 20)
                .bootDisk("root")
                .disk("data")
                .nic("web1-eth0")
                .firmware(new Firmware.Kernel(
                    Path.of("/boot/vmlinuz"), Optional.empty(), "console=ttyS0"))
                .accelerator(Accelerator.TCG)
                .powerPolicy(PowerPolicy.ALWAYS_ON)
                .cloudInit(new MachineSpec.CloudInit("web1", "ada", List.of("ssh-ed25519 AAAA")))
                .limits(new MachineSpec.Limits(
                    Optional.of(500), Optional.empty(), Optional.of(100), Optional.empty()))
                .build()),
        Arguments.of(MachineSpec.class, MachineSpec.builder(1, 1 << 20).build()));
  }

  @ParameterizedTest
  @MethodSource("specs")
  <S extends Spec> void aSpecComesBackAsItWent(Class<S> type, Spec spec) {
    JsonNode tree = codec.encoded(type, spec);
    assertThat(codec.decoded("spec", type, codec.tree("spec", codec.text(tree))))
        .isEqualTo(spec);
    assertThat(codec.parsed("spec", type, tree)).isEqualTo(spec);
  }

  static Stream<Arguments> statuses() {
    return Stream.of(
        Arguments.of(
            NetworkStatus.class,
            new NetworkStatus("br0", 7, 1500, List.of(CidrAddress.parse("10.77.0.1/24")))),
        Arguments.of(
            NetworkStatus.class,
            new NetworkStatus("br0", 7, 1500, List.of(), Optional.of("eth1"), Optional.of(42L))),
        Arguments.of(
            PortStatus.class,
            new PortStatus(
                "tap0",
                8,
                "br0",
                MacAddress.parse("52:54:00:12:34:56"),
                1500,
                7,
                Optional.of(new PortSpec.RateLimit(1_000_000, 16_000)),
                Optional.empty(),
                PortSpec.AntiSpoof.STRICT,
                PortSpec.Isolation.ISOLATED)),
        Arguments.of(
            PortStatus.class,
            new PortStatus("tap0", 8, "br0", MacAddress.parse("52:54:00:12:34:56"), 1500, 7)),
        Arguments.of(
            VolumeStatus.class,
            new VolumeStatus(
                Path.of("/volumes/root"), ImageFormat.QCOW2, 1024, 512, Optional.empty())),
        Arguments.of(
            MachineStatus.class,
            MachineStatus.of(
                MachineState.RUNNING, Optional.of(1L), Accelerator.TCG, Path.of("/dev/null"))));
  }

  @ParameterizedTest
  @MethodSource("statuses")
  <T> void aStatusComesBackAsItWent(Class<T> type, Object status) {
    String json = codec.encode(type, type.cast(status));
    assertThat(codec.parse(type, json)).isEqualTo(status);
    assertThat(codec.decode(type, json.replaceFirst("\\{", "{\"added\": [1], ")))
        .isEqualTo(status);
  }

  @Test
  void whatIsNotOptionalMayBeNeitherLeftOutNorNull() {
    for (String json : List.of(
        "{\"tap\": \"tap0\", \"tapIndex\": 8, \"bridge\": \"br0\", \"mtu\": 1500, \"ownerUid\": 0}",
        "{\"tap\": \"tap0\", \"tapIndex\": 8, \"bridge\": \"br0\", \"mac\": null, \"mtu\": 1500,"
            + " \"ownerUid\": 0}")) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> codec.decode(PortStatus.class, json))
          .matches(e -> e.code() == N0Exception.Code.INVALID)
          .withMessageContaining("mac");
    }
  }

  @Test
  void aSpecReadsAsAPersonWouldWriteIt() {
    JsonNode tree = codec.encoded(
        NetworkSpec.class,
        NetworkSpec.Flat.isolated()
            .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))));
    assertThat(tree)
        .hasToString(
            "{\"type\":\"flat\",\"uplink\":null,\"gateway\":{\"addresses\":[\"10.77.0.1/24\"],\"nat\":\"none\",\"dhcp\":null},\"mtu\":null}");
  }

  @Test
  void whatIsOptionalMayBeLeftOut() {
    NetworkSpec spec =
        codec.parsed("spec", NetworkSpec.class, codec.tree("spec", "{\"type\":\"flat\"}"));
    assertThat(spec).isEqualTo(NetworkSpec.Flat.isolated());
  }

  @Test
  void recordsFromBeforeAFieldWasAddedAreReadWithItsDefault() {
    NetworkSpec network = codec.decode(
        NetworkSpec.class,
        "{\"type\":\"flat\",\"uplink\":null,\"gateway\":{\"addresses\":[\"10.77.0.1/24\"],\"nat\":"
            + "\"none\"},\"mtu\":null}");
    PortSpec port = codec.decode(
        PortSpec.class,
        "{\"network\":\"lan\",\"mac\":null,\"mtu\":null,\"ownerUid\":7,\"transmitLimit\":null,"
            + "\"receiveLimit\":null,\"antiSpoof\":\"off\",\"isolation\":\"shared\"}");

    assertThat(network)
        .isEqualTo(NetworkSpec.Flat.isolated()
            .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))));
    assertThat(port).isEqualTo(PortSpec.builder("lan").ownerUid(7).build());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"type\":\"flat\",\"uplnk\":\"eth0\"} | uplnk",
        "{\"type\":\"round\"} | round",
        "{\"type\":\"vlan\",\"vlanId\":4095,\"uplink\":\"eth0\"} | vlanId",
        "{\"type\":\"vlan\",\"uplink\":\"eth0\"} | vlanId",
        "{\"type\":\"vlan\",\"vlanId\":1} | uplink",
        "{\"type\":\"vlan\",\"vlanId\":1.5,\"uplink\":\"eth0\"} | vlanId",
        "{\"type\":\"flat\",\"gateway\":{\"addresses\":[\"localhost/8\"],\"nat\":\"none\"}} | localhost",
        "{\"type\":\"flat\",\"gateway\":{\"addresses\":[\"10.0.0.1/8\"],\"nat\":\"maybe\"}} | nat",
        "{\"type\":\"flat\",\"gateway\":{\"addresses\":[\"10.0.0.1/8\"]}} | nat",
        "{\"type\":\"flat\",\"gateway\":{\"addresses\":[\"10.0.0.1/8\"],\"nat\":1}} | nat",
        "{\"type\":\"vlan\",\"vlanId\":\"12\",\"uplink\":\"eth0\"} | vlanId",
        "{\"type\":\"vlan\",\"vlanId\":true,\"uplink\":\"eth0\"} | vlanId",
        "{\"type\":\"vlan\",\"vlanId\":12,\"uplink\":\"eth0\",\"mtu\":\"1400\"} | mtu",
        "{\"type\":\"vlan\",\"vlanId\":12,\"uplink\":\"eth0\",\"mtu\":\"\"} | mtu",
        "[] | lan",
        "null | lan",
      })
  void aMistakeIsNamed(String json, String word) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(
            () -> codec.parsed("network \"lan\"", NetworkSpec.class, codec.tree("bundle", json)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .withMessageContaining("network \"lan\"")
        .withMessageContaining(word);
  }

  @Test
  void componentsOfALaterVersionArePassedOverInOurOwnRecords() {
    JsonNode tree = codec.tree("spec", "{\"type\":\"flat\",\"colour\":\"red\"}");
    assertThat(codec.decoded("spec", NetworkSpec.class, tree))
        .isEqualTo(NetworkSpec.Flat.isolated());
  }
}
