package io.n0stack.n0core.membership.internal.swim;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.LabMember;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Form;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import io.n0stack.n0core.membership.internal.view.Callers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** A member that joins and registers as any other, with keys that are valid, and then does harm. */
public final class HostileMember {
  private static final PrintStream OUT = System.out;
  private static final Duration SHORT = Duration.ofSeconds(2);
  private static final List<String> SUBJECTS = List.of(
      SwimMessages.SYNC,
      SwimMessages.PROBE,
      SwimMessages.PROBE_REQUEST,
      SwimMessages.NEWS,
      Callers.PING,
      RegistryProtocol.SUBJECT);
  private static final byte[] HUGE = {-1, -1, -1, -1, 7}; // as Kryo writes the largest int

  private final AtomixMembership membership;
  private final PeerNetwork network;
  private final MembershipConfig config;
  private final HostPort api;

  private HostileMember(MembershipConfig config) {
    this.config = config;
    this.membership = AtomixMembership.open(config);
    this.network = LabMember.network(membership);
    this.api = config.seeds().get(0);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    MembershipConfig config =
        MembershipConfig.of(args[1], args[2], Transport.parse(args[4])).withSeeds(args[3]);
    HostileMember hostile = new HostileMember(config);
    hostile.membership.join();
    OUT.println("joined");
    LabMember.save(hostile.membership);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    String line = in.readLine();
    while (line != null) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "blame" -> {
          // Until it is killed, beside what else it does.
          Thread blaming = new Thread(hostile::blame, "blames");
          blaming.setDaemon(true);
          blaming.start();
        }
        case "fuzz" -> hostile.fuzz(Long.parseLong(words[1]), Integer.parseInt(words[2]));
        case "flood" -> hostile.flood();
        default -> throw new IllegalArgumentException(line);
      }
      OUT.println("done " + line);
      line = in.readLine();
    }
    hostile.membership.close();
  }

  /** Tells everybody that everybody else is dead, suspect or elsewhere. */
  private void blame() {
    Semaphore never = new Semaphore(0);
    try {
      for (int round = 0; !never.tryAcquire(50, TimeUnit.MILLISECONDS); round++) {
        List<Member> others = membership.members().stream()
            .filter(one -> !one.equals(membership.self()))
            .toList();
        long incarnation = System.currentTimeMillis() + round;
        List<Optional<Told>> news = new ArrayList<>();
        for (Member one : others) {
          String id = one.name() + "@" + one.bootId();
          HostPort address = HostPort.parse(one.address());
          HostPort away = HostPort.parse("192.0.2.1:1");
          news.add(Optional.of(new Told(id, away, State.ALIVE, incarnation)));
          news.add(Optional.of(new Told(id, address, State.SUSPECT, incarnation)));
          news.add(Optional.of(new Told(id, address, State.DEAD, incarnation)));
          news.add(Optional.of(new Told(id, address, State.DEAD, SwimGuard.MOST_HEARSAY)));
          Told fake = new Told("fake-" + round + "@b", away, State.ALIVE, incarnation);
          news.add(Optional.of(fake));
        }
        byte[] message = SwimWire.write(Form.NEWS, news);
        for (Member one : others) {
          var unused =
              network.send(HostPort.parse(one.address()), SwimMessages.NEWS, message, SHORT);
        }
        var unused = network.send(api, SwimMessages.NEWS, message, SHORT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Sends what is no message, or nearly one. */
  private void fuzz(long seed, int rounds) throws InterruptedException {
    Random random = new Random(seed);
    Semaphore some = new Semaphore(32);
    SwimMessages kryo = new SwimMessages();
    for (int i = 0; i < rounds; i++) {
      String subject = SUBJECTS.get(random.nextInt(SUBJECTS.size()));
      byte[] payload = payload(random, subject, kryo);
      some.acquire();
      var unused = network
          .request(api, subject, payload, SHORT)
          .whenComplete((answer, failure) -> some.release());
    }
    some.acquire(32);
  }

  private byte[] payload(Random random, String subject, SwimMessages kryo) {
    Told self = new Told(
        membership.self().name() + "@" + membership.self().bootId(),
        config.listen(),
        State.ALIVE,
        System.currentTimeMillis());
    List<Optional<Told>> two = List.of(Optional.of(self), Optional.of(self));
    boolean single =
        subject.equals(SwimMessages.SYNC) || subject.equals(SwimMessages.PROBE_REQUEST);
    List<Optional<Told>> members = single ? two.subList(0, 1) : two;
    Form form = single ? Form.MEMBER : subject.equals(SwimMessages.PROBE) ? Form.PAIR : Form.NEWS;
    String json =
        "{\"version\":1,\"verb\":\"SAVE\",\"node\":{\"name\":\"node-4\",\"address\":\"a:1\"}}";
    return switch (random.nextInt(7)) {
      case 0 -> random(random, random.nextInt(4096));
      case 1 -> mutated(random, SwimWire.write(form, members), random(random, 3));
      case 2 -> // what Atomix itself would have read
        SwimMessages.known(subject)
            ? mutated(random, kryo.question(subject, members), HUGE)
            : mutated(random, json.getBytes(UTF_8), HUGE);
      case 3 -> SwimMessages.known(subject) ? kryo.question(subject, members) : HUGE;
      case 4 -> mutated(random, json.getBytes(UTF_8), random(random, 5));
      case 5 -> ("[".repeat(50_000) + "{\"node\":".repeat(5_000)).getBytes(UTF_8);
      default -> {
        byte[] lengths = new byte[100_000];
        Arrays.fill(lengths, (byte) -1);
        lengths[0] = (byte) random.nextInt(8);
        yield lengths;
      }
    };
  }

  private static byte[] random(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Puts something into a message, in place of what was there or before it. */
  private static byte[] mutated(Random random, byte[] message, byte[] with) {
    int at = random.nextInt(message.length);
    int resumes = Math.min(message.length, at + random.nextInt(with.length + 1));
    byte[] mutated = new byte[at + with.length + message.length - resumes];
    System.arraycopy(message, 0, mutated, 0, at);
    System.arraycopy(with, 0, mutated, at, with.length);
    System.arraycopy(message, resumes, mutated, at + with.length, message.length - resumes);
    return mutated;
  }

  /** Asks for more than can be held, over more connections than one needs, and waits for nothing. */
  private void flood() throws InterruptedException {
    List<PeerNetwork> networks = new ArrayList<>();
    int port = config.listen().port();
    Peer self =
        new Peer(config.name(), membership.self().bootId(), config.listen(), Peer.Role.NODE);
    for (int i = 1; i <= 12; i++) {
      MembershipConfig other = MembershipConfig.of(
          config.name(), config.listen().host() + ":" + (port + i), config.transport());
      Claims claims = new Claims(other.timings(), System::nanoTime);
      PeerNetwork network =
          new PeerNetwork(other, () -> self, Credentials.of(other.transport()), claims);
      network.start().join();
      networks.add(network);
    }
    byte[] large = new byte[120 << 10];
    Arrays.fill(large, (byte) ' ');
    Semaphore some = new Semaphore(256);
    for (int i = 0; i < 2_500; i++) {
      String subject = SUBJECTS.get(i % SUBJECTS.size());
      some.acquire();
      CompletableFuture<byte[]> answer =
          networks.get(i % networks.size()).request(api, subject, large, SHORT);
      var unused = answer.whenComplete((done, failure) -> some.release());
    }
    some.acquire(256);
    networks.forEach(network -> network.stop().join());
  }
}
