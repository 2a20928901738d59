package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The bytes follow from the structures in the kernel's headers. */
class MessageWriterTest {
  private FakeKernel kernel;
  private Netlink netlink;

  @BeforeEach
  void open() {
    assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "the bytes are those of a little-endian");
    kernel = new FakeKernel();
    netlink = kernel.connect();
  }

  private String sent() {
    return HexFormat.of().formatHex(kernel.sent().get(kernel.sent().size() - 1));
  }

  @Test
  void findAsksByNameWithoutDump() {
    kernel.answer(FakeKernel.error(19, ""));

    assertThat(netlink.links().find("br0")).isEmpty();

    assertThat(sent())
        .isEqualTo("28000000" + "1200" + "0100" + "01000000" + "07000000" // nlmsghdr
            + "00000000" + "00000000" + "00000000" + "00000000" // ifinfomsg
            + "0800" + "0300" + "62723000"); // IFLA_IFNAME br0
  }

  @Test
  void createOfABridgeIsOneMessage() {
    kernel.answer(FakeKernel.ack());
    kernel.answer(FakeKernel.link(5, "br0"));

    netlink
        .links()
        .create(LinkSpec.bridge("br0")
            .withMtu(1400)
            .withMac(MacAddress.parse("52:54:00:12:34:56"))
            .withMaster(9)
            .up());

    assertThat(HexFormat.of().formatHex(kernel.sent().get(0)))
        .isEqualTo("54000000" + "1000" + "0d06" + "01000000" + "07000000"
            + "00000000" + "00000000" + "01000000" + "01000000" // IFF_UP and its mask
            + "0800" + "0300" + "62723000"
            + "0800" + "0400" + "78050000" // IFLA_MTU
            + "0a00" + "0100" + "5254001234560000" // IFLA_ADDRESS
            + "0800" + "0a00" + "09000000" // IFLA_MASTER
            + "1000" + "1280" + "0b00" + "0100" + "6272696467650000"); // IFLA_LINKINFO
  }

  @Test
  void addressIsLocalAndOwn() {
    kernel.answer(FakeKernel.ack());

    netlink.addresses().add(5, CidrAddress.parse("10.77.0.1/24"));

    assertThat(sent())
        .isEqualTo("28000000" + "1400" + "0506" + "01000000" + "07000000"
            + "02180000" + "05000000" // ifaddrmsg
            + "0800" + "0200" + "0a4d0001"
            + "0800" + "0100" + "0a4d0001");
  }

  @Test
  void deletionDoesNotBearTheFlagThatMeansBulk() {
    kernel.answer(FakeKernel.ack());

    netlink.links().delete(5);

    assertThat(sent())
        .isEqualTo("20000000" + "1100" + "0500" + "01000000" + "07000000" + "00000000" + "05000000"
            + "00000000" + "00000000");
  }

  @Test
  void linkAndItsAliasAreOneDatagramAboutOneChosenIndex() {
    kernel.answer(FakeKernel.error(19, ""));
    kernel.answer(FakeKernel.ack(), FakeKernel.ack());
    kernel.answer(FakeKernel.link(5, "br0"));

    netlink.links().create(LinkSpec.bridge("br0").withAlias("mine"));

    List<byte[]> sent = kernel.sent();
    assertThat(sent).hasSize(3);
    String datagram = HexFormat.of().formatHex(sent.get(1));
    String second = datagram.substring(FakeKernel.number(sent.get(1), 0) * 2);
    assertThat(second).startsWith("28000000" + "1300" + "0500").endsWith("08001400" + "6d696e65");
    assertThat(FakeKernel.number(sent.get(1), 20))
        .isPositive()
        .isEqualTo(
            FakeKernel.number(sent.get(1), datagram.length() / 2 - second.length() / 2 + 20));
  }
}
