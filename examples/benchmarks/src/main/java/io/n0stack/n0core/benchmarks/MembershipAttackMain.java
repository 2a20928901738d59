package io.n0stack.n0core.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A stranger on the members' network: relays one member's connection to another and keeps what went
 * over it, then sends what was recorded, what is forged and what is no message at all.
 */
final class MembershipAttackMain {
  private static final PrintStream OUT = System.out;
  private static final int CONNECT_MILLIS = 2_000;
  private static final int RECORDED_MOST = 1 << 20;
  private static final int OPEN = 600; // at once
  private static final int[] KINDS = {0, 1, 2, 3, 4, 5, 6, 7, 255};
  private static final String[] SUBJECTS = {
    "n0core-leave", "n0core-ping", "n0core-unicast-atomix-membership-gossip",
    "atomix-membership-probe", "atomix-membership-gossip", "atomix-membership-sync",
    "atomix-membership-probe-request"
  };

  private final InetSocketAddress target;
  private final String leaver;
  private final int version;
  private final Random random = new Random(20_261_126);
  private int sent;

  private MembershipAttackMain(InetSocketAddress target, String leaver, int version) {
    this.target = target;
    this.leaver = leaver;
    this.version = version;
  }

  /**
   * Records until it reads a line, and at the next line attacks one target after the other.
   *
   * @param args own address, a name to forge, and the targets
   * @throws Exception if its own part fails
   */
  public static void main(String[] args) throws Exception {
    InetSocketAddress own = address(args[0]);
    OUT.println("up");
    List<byte[]> recorded = record(own, address(args[2]));
    OUT.println("recorded " + recorded.size() + " connections, "
        + recorded.stream().mapToInt(one -> one.length).sum() + " bytes");
    while (System.in.read() != '\n') {}
    // As those speak who were recorded: behind the length, and the kind of a greeting.
    int version = recorded.stream().filter(one -> one.length > 5).findFirst().orElseThrow()[5];
    int sent = 0;
    for (int i = 2; i < args.length; i++) {
      MembershipAttackMain attack = new MembershipAttackMain(address(args[i]), args[1], version);
      attack.datagrams();
      for (byte[] one : recorded) {
        attack.replay(one);
      }
      attack.lengths();
      attack.garbage();
      attack.forged();
      attack.halfOpen();
      sent += attack.sent;
    }
    OUT.println("sent " + sent);
    while (System.in.read() >= 0) {}
  }

  private static InetSocketAddress address(String text) {
    String[] parts = text.split(":", -1);
    return new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
  }

  /** Stands between whoever dials this address and a member; returns what the diallers sent. */
  private static List<byte[]> record(InetSocketAddress own, InetSocketAddress to)
      throws IOException {
    List<ByteArrayOutputStream> kept = new ArrayList<>();
    try (ServerSocket server = new ServerSocket(own.getPort(), 64, own.getAddress())) {
      server.setSoTimeout(100);
      while (System.in.available() == 0) {
        try {
          Socket dialler = server.accept();
          Socket member = new Socket(to.getAddress(), to.getPort());
          ByteArrayOutputStream bytes = new ByteArrayOutputStream();
          kept.add(bytes);
          pump(dialler, member, bytes);
          pump(member, dialler, new ByteArrayOutputStream());
        } catch (SocketTimeoutException e) {
          // nobody dialled
        }
      }
    }
    while (System.in.read() != '\n') {}
    List<byte[]> recorded = new ArrayList<>();
    for (ByteArrayOutputStream one : kept) {
      synchronized (one) {
        if (one.size() > 0) {
          recorded.add(one.toByteArray());
        }
      }
    }
    return recorded;
  }

  private static void pump(Socket from, Socket to, ByteArrayOutputStream kept) {
    Thread thread = new Thread(() -> {
      byte[] buffer = new byte[4096];
      try (from;
          to) {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        int read = in.read(buffer);
        while (read > 0) {
          synchronized (kept) {
            if (kept.size() < RECORDED_MOST) {
              kept.write(buffer, 0, read);
            }
          }
          out.write(buffer, 0, read);
          read = in.read(buffer);
        }
      } catch (IOException e) {
        // one of them has closed, and with it the relay
      }
    });
    thread.setDaemon(true);
    thread.start();
  }

  /** Sends bytes over a connection, and waits a moment for what is said to that. */
  private void send(byte[]... parts) {
    sent++;
    try (Socket socket = new Socket()) {
      socket.connect(target, CONNECT_MILLIS);
      socket.setSoTimeout(20);
      for (byte[] part : parts) {
        socket.getOutputStream().write(part);
        socket.getOutputStream().flush();
      }
      byte[] answer = new byte[1024];
      while (socket.getInputStream().read(answer) > 0) {}
    } catch (IOException e) {
      // it was closed, as it should be, or says nothing
    }
  }

  private byte[] noise(int bytes) {
    byte[] noise = new byte[bytes];
    random.nextBytes(noise);
    return noise;
  }

  private void datagrams() throws IOException {
    try (DatagramSocket socket = new DatagramSocket()) {
      InetAddress to = target.getAddress();
      for (int i = 0; i < 500; i++) {
        byte[] packet = i % 2 == 0 ? noise(1 + random.nextInt(1400)) : huge();
        socket.send(new DatagramPacket(packet, packet.length, to, target.getPort()));
        sent++;
      }
    }
  }

  private static byte[] huge() {
    return new byte[] {0x7f, -1, -1, -1, 1, 2, 3, 4};
  }

  /** What was recorded: as it was, twice over, and without its beginning. */
  private void replay(byte[] recorded) {
    for (int i = 0; i < 20; i++) {
      send(recorded);
    }
    send(recorded, recorded);
    int hello = 4
        + (((recorded[0] & 255) << 24)
            | ((recorded[1] & 255) << 16)
            | ((recorded[2] & 255) << 8)
            | (recorded[3] & 255));
    if (hello > 4 && hello < recorded.length) {
      byte[] first = Arrays.copyOf(recorded, hello);
      byte[] rest = Arrays.copyOfRange(recorded, hello, recorded.length);
      send(rest);
      send(first, forge(1, "", ""), rest);
      send(first, forge(4, "n0core-leave", ""));
    }
  }

  /** Frames that are said to be longer than any memory, and some that are as long as is said. */
  private void lengths() {
    int[] lengths = {
      Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 0, 1, 1024, 1025, 1 << 20, (1 << 20) + 4096, 1 << 30
    };
    for (int round = 0; round < 20; round++) {
      for (int length : lengths) {
        byte[] head = {
          (byte) (length >> 24), (byte) (length >> 16), (byte) (length >> 8), (byte) length
        };
        send(head, noise(64 << 10));
      }
    }
  }

  private void garbage() {
    for (int i = 0; i < 200; i++) {
      send(noise(1 + random.nextInt(8192)));
    }
    send("GET / HTTP/1.1\r\nHost: api\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
  }

  /** Messages of members, without a greeting, and with one that nothing proves. */
  private void forged() {
    for (int kind : KINDS) {
      for (String subject : SUBJECTS) {
        byte[] message = forge(kind, subject, leaver);
        send(message);
        send(hello(), message);
        send(hello(), forge(1, "", ""), message, message);
        send(hello(), noise(32), message);
      }
    }
  }

  /** A greeting in the name of a member. */
  private byte[] hello() {
    return frame(out -> {
      out.writeByte(0);
      out.writeByte(version);
      out.write(noise(32));
      out.writeUTF("n0core");
      out.writeUTF(leaver);
      out.writeUTF("00000000-0000-0000-0000-000000000000");
      out.writeUTF(MembershipLab.address(MembershipSide.host(leaver)));
      out.writeByte(0);
    });
  }

  private static byte[] forge(int kind, String subject, String text) {
    return frame(out -> {
      out.writeByte(kind);
      if (kind == 3) {
        out.writeLong(1);
      }
      if (!subject.isEmpty()) {
        out.writeUTF(subject);
        out.writeUTF(text);
      }
    });
  }

  /** Writes what is in a frame. */
  private interface Content {
    void write(DataOutputStream out) throws IOException;
  }

  private static byte[] frame(Content content) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(body);
        DataOutputStream framed = new DataOutputStream(whole)) {
      content.write(out);
      framed.writeInt(body.size());
      framed.write(body.toByteArray());
    } catch (IOException e) {
      throw new IllegalStateException(e); // memory does not fail
    }
    return whole.toByteArray();
  }

  /** Many connections that greet nobody, all at once, each with half a large frame. */
  private void halfOpen() throws IOException {
    List<Socket> open = new ArrayList<>();
    try {
      for (int i = 0; i < OPEN; i++) {
        Socket socket = new Socket();
        open.add(socket);
        sent++;
        try {
          socket.connect(target, CONNECT_MILLIS);
          socket.getOutputStream().write(new byte[] {0, 0, 4, 0});
          socket.getOutputStream().write(noise(512));
        } catch (IOException e) {
          // no more are let in
        }
      }
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }
}
