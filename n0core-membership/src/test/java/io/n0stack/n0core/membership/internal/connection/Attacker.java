package io.n0stack.n0core.membership.internal.connection;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.Transport.MutualTls;
import io.n0stack.n0core.membership.internal.connection.Approach.Line;
import io.n0stack.n0core.membership.internal.connection.Wire.Kind;
import io.n0stack.n0core.membership.internal.connection.Wire.Message;
import io.n0stack.n0core.membership.internal.connection.Wire.Nonce;
import io.n0stack.n0core.membership.internal.connection.Wire.Payload;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol;
import io.n0stack.n0core.membership.internal.swim.Lies;
import io.n0stack.n0core.membership.internal.view.Callers;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A stranger that has no secret and no certificate of the names that it uses: stands between members and
 * records what they say, then replays it, forges messages in members' names, and sends what is no message.
 */
@SuppressWarnings("EnumOrdinal") // the order is the protocol's
public final class Attacker {
  private static final PrintStream OUT = System.out;
  private static final String LEAVE = "n0core-leave";
  private static final List<String> TELLING = List.of(LEAVE, RegistryProtocol.SUBJECT);
  private static final int FIRST_PARTS = 40;
  private static final int LAST_PARTS = 20;
  private static final int CODE_BYTES = 32;
  private static final int OPEN = 200; // at once
  private static final int[] LENGTHS = {
    Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 0, 1, 1024, 1025, 128 << 10, (1 << 20) + 4096, 1 << 30
  };

  private final MembershipConfig config;
  private final List<byte[]> recorded;
  private final List<Approach> approaches;
  private final Random random;
  private final AtomicInteger letIn = new AtomicInteger();
  private int sent;

  private Attacker(
      MembershipConfig config, List<byte[]> recorded, List<Approach> approaches, long seed) {
    this.config = config;
    this.recorded = recorded;
    this.approaches = approaches;
    this.random = new Random(seed);
  }

  /** Stands between others and a member until it is killed, and does what it reads. */
  public static void main(String[] args) throws IOException, InterruptedException {
    MembershipConfig config = MembershipConfig.of(args[1], args[2], Transport.PLAINTEXT_ANYWHERE);
    List<Approach> approaches = new ArrayList<>(List.of(Approach.plain()));
    if (!args[4].isEmpty()) {
      approaches.add(Approach.tls(Optional.empty()));
      approaches.add(Approach.tls(Optional.of((MutualTls) Transport.parse(args[4]))));
      approaches.add(Approach.tls(Optional.of((MutualTls) Transport.parse(args[5]))));
    }
    Eavesdropper between = Eavesdropper.between(config.listen(), HostPort.parse(args[3]));
    OUT.println("up");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ", -1);
      List<byte[]> heard = between.heard();
      switch (words[0]) {
        case "tell" -> tell(heard);
        case "attack" -> {
          long seed = System.nanoTime();
          OUT.println("seed " + seed);
          Attacker attacker = new Attacker(config, heard, approaches, seed);
          Peer victim = new Peer(words[1], words[2], HostPort.parse(words[3]), Role.NODE);
          for (HostPort target : List.of(HostPort.parse(args[3]), victim.address())) {
            attacker.attack(target, victim, words[4]);
          }
          OUT.println("sent " + attacker.sent + ", let in " + attacker.letIn);
        }
        default -> throw new IllegalArgumentException(line);
      }
      OUT.println("done " + line);
    }
  }

  /** Tells how much was said, and what of it can be read. */
  private static void tell(List<byte[]> heard) {
    String all =
        String.join("", heard.stream().map(one -> new String(one, ISO_8859_1)).toList());
    OUT.println("heard " + heard.stream().mapToInt(one -> parts(one).size()).sum() + " parts; read "
        + TELLING.stream().filter(all::contains).toList());
  }

  private void attack(HostPort target, Peer victim, String absent)
      throws IOException, InterruptedException {
    for (byte[] one : recorded) {
      replay(target, one);
    }
    // Nobody uses these names now, and it is at the address that it names: only the proof is
    // missing.
    Peer ghost = new Peer(absent, "boot-8", config.listen(), Role.NODE);
    Peer registry = new Peer("api-8", "boot-8", config.listen(), Role.REGISTRY);
    for (Approach approach : approaches) {
      for (byte[] message : messages(victim)) {
        send(approach, target, framed(message));
        for (Peer claimed : List.of(victim, ghost, registry)) {
          forge(approach, target, claimed, message);
        }
      }
      malformed(approach, target, ghost);
    }
    datagrams(target);
    halfOpen(target);
  }

  /** Sends what was recorded: whole, twice, in parts, in another order and changed. */
  private void replay(HostPort target, byte[] stream) throws InterruptedException {
    Approach plain = approaches.get(0);
    List<byte[]> parts = parts(stream);
    for (int i = 0; i < 3; i++) {
      send(plain, target, stream);
    }
    send(plain, target, stream, stream);
    send(plain, target, Arrays.copyOf(stream, stream.length / 2));
    byte[] first = parts.get(0);
    send(plain, target, Arrays.copyOfRange(stream, first.length, stream.length));
    for (int i = 1; i < parts.size(); i++) {
      if (i < FIRST_PARTS || i >= parts.size() - LAST_PARTS) {
        byte[] changed = parts.get(i).clone();
        changed[changed.length - 1 - random.nextInt(Math.min(CODE_BYTES, changed.length))] ^= 1;
        send(plain, target, parts.get(i));
        send(plain, target, first, parts.get(i));
        send(plain, target, first, changed);
      }
    }
    List<byte[]> backwards = new ArrayList<>(parts.subList(1, parts.size()));
    Collections.reverse(backwards);
    backwards.add(0, first);
    send(plain, target, backwards.toArray(byte[][]::new));
  }

  /** Cuts into frames or, if it is TLS, into records. */
  private static List<byte[]> parts(byte[] stream) {
    boolean tls = stream[0] == 22; // RFC 8446, section 5.1: ContentType, versions, length
    List<byte[]> parts = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(stream);
    while (in.remaining() > Integer.BYTES) {
      int length =
          tls ? 5 + (in.getShort(in.position() + 3) & 0xffff) : 4 + in.getInt(in.position());
      byte[] part = new byte[Math.min(length, in.remaining())];
      in.get(part);
      parts.add(part);
    }
    return parts;
  }

  /** Writes a frame of every kind, and a message of every subject, as they should be. */
  private List<byte[]> messages(Peer victim) {
    List<byte[]> messages = new ArrayList<>();
    for (int kind : new int[] {0, 1, 2, 5, 6, 7, 255}) {
      messages.add(new byte[] {(byte) kind});
      messages.add(new byte[] {(byte) kind, 0, 0, 0, 0, 0, 0, 0, 1, 0});
    }
    Map<String, byte[]> said = new TreeMap<>(Lies.about(victim.id(), victim.address()));
    said.put(LEAVE, new byte[0]);
    said.put(Callers.PING, new byte[0]);
    said.put("n0core-view", new byte[8]);
    said.put("echo", noise(16));
    said.forEach((subject, payload) -> {
      messages.add(Wire.message(new Message(0, subject, new Payload(payload))));
      messages.add(Wire.message(new Message(1, subject, new Payload(payload))));
    });
    String address = victim.address().host() + ":1";
    for (String json : List.of(
        "{\"version\":1,\"verb\":\"REMOVE\",\"name\":\"" + victim.name() + "\"}",
        "{\"version\":1,\"verb\":\"SAVE\",\"node\":{\"name\":\"" + victim.name()
            + "\",\"address\":\"" + address + "\"}}")) {
      Payload payload = new Payload(json.getBytes(UTF_8));
      messages.add(Wire.message(new Message(1, RegistryProtocol.SUBJECT, payload)));
    }
    return messages;
  }

  /** Sends a message after a greeting that nothing proves. */
  private void forge(Approach approach, HostPort target, Peer claimed, byte[] message)
      throws InterruptedException {
    byte[] hello = framed(Wire.hello(config.clusterId(), claimed, new Nonce(noise(32))));
    send(approach, target, hello, framed(message));
    send(approach, target, hello, framed(Wire.proof()), framed(message), framed(message));
    if (approaches.size() == 1) { // frames have codes
      byte[] proof = sealed(Wire.proof());
      send(approach, target, hello, framed(sealed(message)));
      send(approach, target, hello, framed(proof), framed(sealed(message)));
      send(approach, target, hello, framed(noise(CODE_BYTES)), framed(message));
    }
  }

  /** Puts a code on a frame, as one guesses it. */
  private byte[] sealed(byte[] frame) {
    return concatenated(frame, noise(CODE_BYTES));
  }

  /** Sends frames of which there is more or less than they say, or nothing that they could be. */
  private void malformed(Approach approach, HostPort target, Peer claimed)
      throws InterruptedException {
    byte[] hello = framed(Wire.hello(config.clusterId(), claimed, new Nonce(noise(32))));
    for (int length : LENGTHS) {
      byte[] head = ByteBuffer.allocate(Integer.BYTES).putInt(0, length).array();
      send(approach, target, head);
      send(approach, target, head, noise(96 << 10));
      send(approach, target, hello, head, noise(96 << 10));
    }
    for (int i = 0; i < 30; i++) {
      send(approach, target, noise(1 + random.nextInt(8192)));
      send(approach, target, framed(noise(1 + random.nextInt(Wire.MOST_BEFORE))));
      byte[] greeting = hello.clone();
      greeting[random.nextInt(greeting.length)] = (byte) random.nextInt(256);
      send(approach, target, greeting, framed(Wire.proof()));
      send(approach, target, Arrays.copyOf(hello, random.nextInt(hello.length)));
    }
    send(approach, target, "GET / HTTP/1.1\r\nHost: api\r\n\r\n".getBytes(US_ASCII));
  }

  private void datagrams(HostPort target) throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      InetAddress to = InetAddress.getByName(target.host());
      for (int i = 0; i < 200; i++) {
        byte[] packet =
            i % 2 == 0 ? noise(1 + random.nextInt(1400)) : new byte[] {0x7f, -1, -1, -1};
        socket.send(new DatagramPacket(packet, packet.length, to, target.port()));
        sent++;
      }
    }
  }

  /** Makes many connections at once that never greet, each with half a frame. */
  private void halfOpen(HostPort target) throws IOException {
    List<Line> open = new ArrayList<>();
    try {
      for (int i = 0; i < OPEN; i++) {
        Line line = approaches.get(0).to(target);
        open.add(line);
        sent++;
        try {
          line.out().write(concatenated(new byte[] {0, 0, 4, 0}, noise(512)));
        } catch (IOException e) {
          // it has been closed: there are too many
        }
      }
    } finally {
      for (Line line : open) {
        line.close();
      }
    }
  }

  /** Sends parts over a connection of their own, and hears what is said to that until it is closed. */
  private void send(Approach approach, HostPort target, byte[]... parts)
      throws InterruptedException {
    sent++;
    try (Line line = approach.to(target)) {
      Thread hearing = new Thread(() -> hear(line.in()), "hears");
      hearing.start();
      try {
        for (byte[] part : parts) {
          line.out().write(part);
          line.out().flush();
        }
        line.tcp().shutdownOutput(); // so that the member closes it too, when it has read all
      } catch (IOException e) {
        // it has been closed in the middle
      }
      hearing.join();
    } catch (IOException e) {
      // it was not even connected
    }
  }

  /** Whoever is not let in gets a greeting or a refusal and nothing else. */
  private void hear(InputStream in) {
    try {
      DataInputStream frames = new DataInputStream(in);
      int length = frames.readInt();
      while (length > 0 && length <= Wire.MOST) {
        byte[] frame = frames.readNBytes(length);
        if (frame.length == length
            && frame[0] != Kind.HELLO.ordinal()
            && frame[0] != Kind.REFUSED.ordinal()) {
          letIn.incrementAndGet();
        }
        length = frames.readInt();
      }
      in.transferTo(OutputStream.nullOutputStream()); // what is no frame: TLS's own
    } catch (IOException e) {
      // it was closed
    }
  }

  private byte[] noise(int bytes) {
    byte[] noise = new byte[bytes];
    random.nextBytes(noise);
    return noise;
  }

  private static byte[] framed(byte[] frame) {
    return concatenated(
        ByteBuffer.allocate(Integer.BYTES).putInt(0, frame.length).array(), frame);
  }

  private static byte[] concatenated(byte[] one, byte[] other) {
    byte[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }
}
