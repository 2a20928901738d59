package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.Wire;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ConversationTest {
  private static final CidrAddress ADDRESS = CidrAddress.parse("10.77.0.1/24");

  private final FakeKernel kernel = new FakeKernel();
  private final Netlink netlink = kernel.connect();

  private static byte[] same(byte[] datagram) {
    return FakeKernel.sequenced(datagram, FakeKernel.SAME);
  }

  private static byte[] interrupted(byte[] datagram) {
    FakeKernel.buffer(datagram).putShort(6, (short) Wire.NLM_F_DUMP_INTR);
    return datagram;
  }

  @Test
  void lateAnswersToEarlierQuestionsAreNotOurs() {
    kernel.answer(
        FakeKernel.sequenced(FakeKernel.link(3, "old"), 4711),
        FakeKernel.sequenced(FakeKernel.error(19, ""), 4711),
        FakeKernel.link(5, "br0"));

    assertThat(netlink.links().find("br0")).map(Link::index).contains(5);
  }

  @Test
  void whatAnotherProcessSendsIsNotHeard() {
    kernel.sendAs(1234);
    kernel.answer(FakeKernel.link(5, "br0"));

    assertThatThrownBy(() -> netlink.links().find("br0"))
        .isInstanceOf(OperationTimeoutException.class);
  }

  @Test
  void changeWithoutAnAnswerMayHaveHappened() {
    assertThatThrownBy(() -> netlink.addresses().add(5, ADDRESS))
        .isInstanceOf(UnknownOutcomeException.class)
        .hasCauseInstanceOf(OperationTimeoutException.class);
  }

  @Test
  void dumpThatWasInterruptedInOneMessageIsAskedAgain() {
    kernel.answer(
        same(FakeKernel.link(1, "lo")),
        same(interrupted(FakeKernel.link(5, "br0"))),
        same(FakeKernel.done()));
    kernel.answer(same(FakeKernel.link(1, "lo")), same(FakeKernel.done()));

    assertThat(netlink.links().list()).extracting(Link::name).containsExactly("lo");
  }

  @Test
  void dumpThatIsInterruptedAllTheTimeIsAnErrorAndNotAPartialList() {
    for (int i = 0; i < 20; i++) {
      kernel.answer(same(interrupted(FakeKernel.link(5, "br0"))), same(FakeKernel.done()));
    }

    assertThatThrownBy(netlink.links()::list)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    assertThat(kernel.sent()).hasSize(20);
  }

  @Test
  void echoIsTheAnswerWhereTheKernelGivesOne() {
    kernel.answer(same(FakeKernel.link(5, "br0")), same(FakeKernel.ack()));

    assertThat(netlink.links().create(LinkSpec.bridge("br0")).index()).isEqualTo(5);
    assertThat(kernel.sent()).hasSize(1);
  }

  @Test
  void errorBearsTheKernelsWordsAndOffset() {
    kernel.answer(FakeKernel.error(22, "mtu less than device minimum"));

    assertThatThrownBy(() -> netlink.links().change(5, LinkChange.none().withMtu(1)))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.kernelMessage()).contains("mtu less than device minimum");
          assertThat(e.offset()).hasValue(32);
          assertThat(e.errno()).isEqualTo(22);
        })
        .hasMessage(
            "set link 5: Invalid argument, \"mtu less than device minimum\" at offset 32, attribute 4 (EINVAL)");
  }

  @Test
  void errorInTheEndOfADumpIsAnError() {
    kernel.answer(same(FakeKernel.message(Wire.NLMSG_DONE, 2, FakeKernel.integers(-1))));

    assertThatThrownBy(netlink.links()::list)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PERMISSION));
  }

  @Test
  void unknownKindsAndAttributesPassThrough() {
    byte[] kind = FakeKernel.text(Rtnetlink.IFLA_INFO_KIND, "quantum");
    kernel.answer(FakeKernel.link(
        5,
        "q0",
        FakeKernel.attribute(0x1fff, new byte[0]),
        FakeKernel.attribute(Rtnetlink.IFLA_LINKINFO | Wire.NLA_F_NESTED, kind),
        FakeKernel.attribute(Rtnetlink.IFLA_ADDRESS, new byte[20])));

    assertThat(netlink.links().find("q0"))
        .map(Link::kind)
        .contains(new LinkKind.Other("quantum", ""));
  }

  static LongStream seeds() {
    return LongStream.range(0, 60);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whateverComesIsAnAnswerOrOurException(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 50; round++) {
      askWithDamagedAnswers(random);
    }
  }

  private void askWithDamagedAnswers(Random random) {
    byte[][] good = {
      same(FakeKernel.link(
          5,
          "br0",
          FakeKernel.attribute(Rtnetlink.IFLA_ADDRESS, new byte[] {2, 0, 0, 0, 0, 1}),
          FakeKernel.attribute(
              Rtnetlink.IFLA_LINKINFO, FakeKernel.text(Rtnetlink.IFLA_INFO_KIND, "tun")))),
      same(FakeKernel.message(
          Rtnetlink.RTM_NEWADDR,
          0,
          FakeKernel.integers(0x1802, 5),
          FakeKernel.attribute(Rtnetlink.IFA_ADDRESS, new byte[] {10, 77, 0, 1}),
          FakeKernel.attribute(Rtnetlink.IFA_LOCAL, new byte[16]))),
      same(FakeKernel.error(22, "words")),
      same(FakeKernel.done())
    };
    for (byte[] datagram : good) {
      for (int i = random.nextInt(4); i > 0; i--) {
        int at = random.nextInt(datagram.length);
        // Number and port stay, or nothing would be looked at.
        if (at < 8 || at >= 16) {
          datagram[at] = (byte) (random.nextBoolean() ? random.nextInt() : random.nextInt(3));
        }
      }
    }
    for (int i = 0; i < 20; i++) {
      kernel.answer(good);
    }

    tolerate(netlink.links()::list);
    tolerate(() -> netlink.addresses().of(5));
    tolerate(() -> netlink.links().find("br0"));
    tolerate(() -> netlink.links().delete(5));
  }

  private static void tolerate(Runnable call) {
    try {
      call.run();
    } catch (N0Exception e) {
      assertThat(e.getMessage()).isNotBlank();
    }
  }

  @Test
  void answerThatSaysNothingAboutTheLinkIsNoProofOfAbsence() {
    kernel.answer(FakeKernel.ack());
    kernel.answer(FakeKernel.message(Rtnetlink.RTM_NEWLINK, 0, FakeKernel.integers(0)));

    assertThatThrownBy(() -> netlink.links().find("br0")).isInstanceOf(NetlinkException.class);
    assertThatThrownBy(() -> netlink.links().find("br0")).isInstanceOf(NetlinkException.class);
  }
}
