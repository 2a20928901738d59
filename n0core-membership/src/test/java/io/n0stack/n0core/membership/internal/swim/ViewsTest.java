package io.n0stack.n0core.membership.internal.swim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.member.SwimMember;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Form;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import io.n0stack.n0core.membership.internal.view.Callers;
import io.n0stack.n0core.membership.internal.view.Pace;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom a member calls of those that it hears of, and how it hears of those that it has missed. */
class ViewsTest {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Duration NEVER = Duration.ofMinutes(10);
  private static final Duration SECONDS = Duration.ofSeconds(3);
  private static final Timings QUICK =
      new Timings(Duration.ofMillis(50), Duration.ofSeconds(1), SECONDS, Duration.ofMillis(50));
  private static final Timings WITHOUT_PROBES = new Timings(NEVER, SECONDS, SECONDS, NEVER);

  private final List<AutoCloseable> opened = new ArrayList<>();
  private final HostPort address = HostPort.parse(Host.address(1));

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened) {
      one.close();
    }
  }

  private SwimMember opened(String name, HostPort at, Timings timings) {
    SwimMember member =
        SwimMember.open(MembershipConfig.of(name, at.toString(), Transport.PLAINTEXT_ISOLATED)
            .withTimings(timings));
    opened.add(member);
    return member;
  }

  /** Speaks to members as its test says. */
  private PeerNetwork outsider() {
    MembershipConfig config =
        MembershipConfig.of("node-9", Host.address(9), Transport.PLAINTEXT_ISOLATED);
    Peer self = new Peer("node-9", "b9", config.listen(), Role.NODE);
    PeerNetwork network = new PeerNetwork(
        config,
        () -> self,
        Credentials.of(config.transport()),
        new Claims(config.timings(), System::nanoTime));
    opened.add(() -> assertThat(network.stop()).succeedsWithin(SOON));
    assertThat(network.start()).succeedsWithin(SOON);
    return network;
  }

  /** Makes a member list an outsider, which answers to what members ask. */
  private void introduce(PeerNetwork outsider, SwimMember member) {
    byte[] self = SwimWire.write(
        Form.PAIR, List.of(Optional.of(told(outsider.self(), State.ALIVE)), Optional.empty()));
    outsider.serve(SwimMessages.PROBE, (from, payload) -> CompletableFuture.completedFuture(self));
    outsider.serve(Callers.PING, (from, payload) -> CompletableFuture.completedFuture(payload));
    byte[] probe = SwimWire.write(
        Form.PAIR,
        List.of(
            Optional.of(told(outsider.self(), State.ALIVE)),
            Optional.of(told(member.network().self(), State.ALIVE))));
    assertThat(outsider.request(address, SwimMessages.PROBE, probe, SOON)).succeedsWithin(SOON);
  }

  private static Told told(Peer peer, State state) {
    return new Told(peer.id(), peer.address(), state, 1);
  }

  private static byte[] list(Told... members) {
    return SwimWire.write(Form.LIST, Arrays.stream(members).map(Optional::of).toList());
  }

  private static Set<String> listed(SwimMember member) {
    return member.atomix().getMembers().stream()
        .map(one -> one.id().id())
        .collect(Collectors.toSet());
  }

  private static Set<String> ids(byte[] list) {
    return SwimWire.read(Form.LIST, list).stream()
        .map(one -> one.orElseThrow().id())
        .collect(Collectors.toSet());
  }

  @Test
  void whoListsTheSameIsToldNothingAndOthersTheList() {
    SwimMember member = opened("node-1", address, QUICK);
    member.join();
    PeerNetwork outsider = outsider();
    introduce(outsider, member);
    Set<String> both = Set.of(member.network().self().id(), "node-9@b9");
    await().atMost(SOON).until(() -> listed(member).equals(both));

    byte[] wrong = Views.digest(List.of("node-9@b9"));
    assertThat(outsider.request(address, Views.SUBJECT, wrong, SOON))
        .succeedsWithin(SOON)
        .satisfies(list -> assertThat(ids(list)).isEqualTo(both));
    await()
        .atMost(SOON)
        .until(() ->
            outsider.request(address, Views.SUBJECT, Views.digest(both), SOON).join().length == 0);
  }

  @Test
  void oneThatNewsHaveMissedIsFoundByComparingAndNobodyIsBlamedByIt() {
    SwimMember member = opened("node-1", address, QUICK);
    SwimMember missed = opened("node-2", HostPort.parse(Host.address(2)), QUICK);
    member.join();
    missed.join(); // neither has a seed
    PeerNetwork outsider = outsider();
    Peer missing = missed.network().self();
    AtomicReference<byte[]> answer = new AtomicReference<>(new byte[0]);
    List<byte[]> asked = new CopyOnWriteArrayList<>();
    outsider.serve(Views.SUBJECT, (from, digest) -> {
      asked.add(digest);
      return CompletableFuture.completedFuture(answer.get());
    });
    introduce(outsider, member);
    byte[] same = Views.digest(List.of("node-9@b9", member.network().self().id()));
    await()
        .atMost(SOON)
        .until(() -> asked.stream().anyMatch(digest -> Arrays.equals(digest, same)));
    assertThat(listed(member)).doesNotContain(missing.id());

    Told dead = new Told("node-9@b9", outsider.self().address(), State.DEAD, 9);
    Peer ghost = new Peer("node-3", "b3", HostPort.parse(Host.address(3)), Role.NODE);
    answer.set(list(told(missing, State.ALIVE), told(ghost, State.SUSPECT), dead));
    await().atMost(SOON).until(() -> member.members().contains(missed.self()));
    assertThat(listed(member)).contains("node-9@b9").doesNotContain(ghost.id());
    await().atMost(SOON).until(() -> missed.members().contains(member.self()));
  }

  @Test
  void anAgentCallsAFewOfThoseThatItHearsOfAndAnApiAll() throws IOException {
    HostPort apiAddress = HostPort.parse(Host.address(2));
    SwimMember agent = opened("node-1", address, WITHOUT_PROBES);
    SwimMember api = opened("api-1", apiAddress, WITHOUT_PROBES);
    api.announceRegistry();
    agent.join();
    api.join();
    Doors doors = new Doors(4 * Pace.AT_ONCE);
    opened.add(0, doors);
    byte[] news = SwimWire.write(Form.NEWS, doors.news());
    PeerNetwork outsider = outsider();
    for (HostPort to : List.of(address, apiAddress)) {
      assertThat(outsider.send(to, SwimMessages.NEWS, news, SOON)).succeedsWithin(SOON);
    }

    await().atMost(SOON).until(() -> doors.knockedBy(apiAddress) == doors.addresses.size());
    await().atMost(SOON).until(() -> doors.knockedBy(address) == Pace.AT_ONCE);
    await() // longer than a try to connect takes, so that it could have called the others
        .pollDelay(Duration.ofSeconds(2))
        .atMost(SOON)
        .until(() -> doors.knockedBy(address) == Pace.AT_ONCE);
    assertThat(listed(agent)).hasSize(1 + doors.addresses.size());
  }

  @Test
  void whoIsBeingCalledTakesNobodyElsesTurn() throws IOException {
    Timings patient = new Timings(NEVER, SECONDS, SECONDS, NEVER, SOON.multipliedBy(2));
    SwimMember agent = opened("node-1", address, patient);
    agent.join();
    Doors doors = new Doors(Pace.AT_ONCE);
    opened.add(0, doors);
    PeerNetwork outsider = outsider();
    for (int known = 2; known <= Pace.AT_ONCE; known += 2) { // it hears of them bit by bit
      int heard = known;
      byte[] news = SwimWire.write(Form.NEWS, doors.news().subList(heard - 2, heard));
      assertThat(outsider.send(address, SwimMessages.NEWS, news, SOON)).succeedsWithin(SOON);
      await().atMost(SOON).until(() -> doors.knockedBy(address) == heard);
    }
  }

  /** Addresses that are listened on and where nobody greets; knows who has knocked where. */
  private static final class Doors implements AutoCloseable {
    private final Selector selector = Selector.open();
    private final List<HostPort> addresses = new ArrayList<>();
    private final Map<String, Set<Integer>> knocks = new ConcurrentHashMap<>();
    private final List<Closeable> open = new CopyOnWriteArrayList<>();

    private Doors(int count) throws IOException {
      for (int i = 0; i < count; i++) {
        ServerSocketChannel door = ServerSocketChannel.open();
        door.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        door.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
        addresses.add(HostPort.parse("127.0.0.1:" + door.socket().getLocalPort()));
        open.add(door);
      }
      Thread opening = new Thread(this::answer, "answers-doors");
      opening.setDaemon(true);
      opening.start();
    }

    private void answer() {
      try {
        while (selector.isOpen()) {
          selector.select(key -> {
            try {
              SocketChannel guest = ((ServerSocketChannel) key.channel()).accept();
              open.add(guest);
              InetSocketAddress from = (InetSocketAddress) guest.getRemoteAddress();
              InetSocketAddress to = (InetSocketAddress) guest.getLocalAddress();
              knocks
                  .computeIfAbsent(
                      from.getAddress().getHostAddress(), one -> ConcurrentHashMap.newKeySet())
                  .add(to.getPort());
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
        }
      } catch (ClosedSelectorException closed) {
        return; // while it was waiting
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    /** Says that somebody is alive behind each. */
    private List<Optional<Told>> news() {
      return addresses.stream()
          .map(at -> new Peer("far-" + at.port(), "b", at, Role.NODE))
          .map(one -> Optional.of(told(one, State.ALIVE)))
          .toList();
    }

    private int knockedBy(HostPort member) {
      return knocks.getOrDefault(member.host(), Set.of()).size();
    }

    @Override
    public void close() throws IOException {
      selector.wakeup();
      selector.close();
      for (Closeable one : open) {
        one.close();
      }
    }
  }
}
