package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NamespacesIT {
  private static final int LOOPBACK = 1;

  private Netlink netlink;
  private Links links;
  private NetNs other;
  private Netlink there;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    links = netlink.links();
    other = NetNs.create();
    there = Netlink.open(other);
  }

  @AfterEach
  void close() {
    there.close();
    other.close();
    netlink.close();
  }

  private static LinkSpec vethInto(NetNs namespace) {
    return LinkSpec.of("eth1", new LinkKind.Veth(Optional.of("peer1"), Optional.of(namespace)));
  }

  @Test
  void namedNamespaceLastsUntilItIsDeleted() {
    String name = "n0core-" + UUID.randomUUID();
    try (NetNs made = NetNs.create(name);
        Netlink inside = Netlink.open(made)) {
      inside.links().create(LinkSpec.ifb("ifb7"));
    }

    try (NetNs again = NetNs.named(name);
        Netlink inside = Netlink.open(again)) {
      assertThat(inside.links().find("ifb7")).isPresent();
      assertThat(NetNs.names()).contains(name);
      assertThatThrownBy(() -> NetNs.create(name))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(Code.ALREADY_EXISTS));
    } finally {
      NetNs.delete(name);
    }

    assertThat(NetNs.names()).doesNotContain(name);
    assertThatThrownBy(() -> NetNs.named(name))
        .isInstanceOfSatisfying(
            OsException.class, e -> assertThat(e.code()).isEqualTo(Code.NOT_FOUND));
    assertThatThrownBy(() -> NetNs.delete(name))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(Code.NOT_FOUND));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "a/b", "a\0b"})
  void nameThatIsNoFileNameIsRefused(String name) {
    Refused.byUs(() -> NetNs.named(name), "name");
    Refused.byUs(() -> NetNs.create(name), "name");
    Refused.byUs(() -> NetNs.delete(name), "name");
  }

  @Test
  void linkMovesAndIsRenamedInOneMessage() {
    int link = links.create(LinkSpec.ifb("ifb7")).index();
    there.links().create(LinkSpec.ifb("ifb7"));

    Refused.byKernel(
        () -> links.change(link, LinkChange.none().into(other)), Code.ALREADY_EXISTS, "EEXIST");
    links.change(link, LinkChange.none().into(other).withName("moved"));

    assertThat(links.find("ifb7")).isEmpty();
    assertThat(links.find(link)).isEmpty();
    assertThat(there.links().find("moved")).map(Link::kind).contains(new LinkKind.Ifb());
  }

  @Test
  void whatBelongsToItsNamespaceStays() {
    int bridge = links.create(LinkSpec.bridge("br0")).index();

    for (int link : new int[] {LOOPBACK, bridge}) {
      Refused.byKernel(
          () -> links.change(link, LinkChange.none().into(other)), Code.INVALID, "EINVAL");
    }

    assertThat(there.links().list()).extracting(Link::name).containsExactly("lo");
  }

  @Test
  void namespaceThatIsNotHeldAnyMoreIsNoPlaceToGo() {
    int link = links.create(LinkSpec.ifb("ifb7")).index();
    NetNs closed = NetNs.create();
    closed.close();

    assertThatThrownBy(() -> links.change(link, LinkChange.none().into(closed)))
        .isInstanceOf(IllegalStateException.class);

    assertThat(links.find("ifb7")).isPresent();
  }

  @Test
  void parentOfAVethWhosePeerIsElsewhereIsNoIndexOfOurs() {
    for (int i = 0; i < 3; i++) {
      there.links().create(LinkSpec.ifb("shift" + i));
    }

    Link here = links.create(vethInto(other).up());

    Link peer = there.links().find("peer1").orElseThrow();
    assertThat(here.parent()).hasValue(peer.index());
    assertThat(here.parentNamespace()).isPresent();
    assertThat(links.find("peer1")).isEmpty();
    assertThat(peer.parent()).hasValue(here.index());
    assertThat(peer.parentNamespace()).isPresent();
  }

  @Test
  void parentOfAVethWhosePeerIsHereIsOurs() {
    Link here = links.create(LinkSpec.veth("eth1", "peer1"));

    Link found = links.find("eth1").orElseThrow();

    assertThat(found.parentNamespace()).isEmpty();
    assertThat(found.parent()).hasValue(links.find("peer1").orElseThrow().index());
    assertThat(found.index()).isEqualTo(here.index());
  }

  @Test
  void linkIsMadeElsewhereAtOnce() {
    Link made = links.create(LinkSpec.bridge("br0").in(other).up());

    assertThat(there.links().find("br0")).map(Link::index).contains(made.index());
    assertThat(links.find("br0")).isEmpty();
  }

  @Test
  void localEndOfAVethGoesWithTheNamespaceOfTheOther() {
    NetNs brief = NetNs.create();
    links.create(vethInto(brief));

    brief.close();

    await().until(() -> links.find("eth1").isEmpty());
  }

  @Test
  void threadThatCallsStaysWhereItIs() {
    there.links().create(LinkSpec.ifb("ifb7"));

    boolean seen = other.call(() -> {
      try (Netlink inside = Netlink.open()) {
        return inside.links().find("ifb7").isPresent();
      }
    });

    assertThat(seen).isTrue();
    try (Netlink mine = Netlink.open()) {
      assertThat(mine.links().find("ifb7")).isEmpty();
    }
  }

  @Test
  void nothingIsLeftOfManyNamespaces() throws IOException {
    workThrough(10);
    long descriptors = entries("fd");
    long threads = entries("task");

    workThrough(100);

    await().untilAsserted(() -> assertThat(entries("fd")).isLessThanOrEqualTo(descriptors + 5));
    await().untilAsserted(() -> assertThat(entries("task")).isLessThanOrEqualTo(threads + 5));
  }

  private void workThrough(int times) {
    for (int i = 0; i < times; i++) {
      try (NetNs brief = NetNs.create();
          Netlink inside = Netlink.open(brief)) {
        links.create(vethInto(brief));
        assertThat(inside.links().find("peer1")).isPresent();
        links.delete(links.find("eth1").orElseThrow().index());
      }
    }
  }

  private static long entries(String of) throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self", of))) {
      return files.count();
    }
  }
}
