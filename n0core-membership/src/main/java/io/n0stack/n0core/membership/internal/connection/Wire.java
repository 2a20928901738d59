package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * What goes over a connection: frames of a length, a kind and a content. The greeting comes first
 * and is small; everything else is read only from who has proved to be a member.
 */
@SuppressWarnings("EnumOrdinal") // the order is the protocol's
public final class Wire {
  static final int VERSION = 2;
  static final int NONCE_BYTES = 32;

  /** The largest frame before the other side is known. */
  static final int MOST_BEFORE = 1024;

  /** The largest frame of one that asks, after that: a node's record and its envelope. */
  static final int MOST_ASKED = 128 << 10;

  /** The largest frame that answers: a message of the node registry and its envelope. */
  static final int MOST = (1 << 20) + 4096;

  private static final int MOST_REASON = 600;

  private Wire() {}

  /** The first byte of a frame. */
  public enum Kind {
    HELLO,
    PROOF,
    REFUSED,
    REQUEST,
    ONE_WAY,
    REPLY,
    BYE;

    /**
     * Reads a kind.
     *
     * @param code the byte
     * @return what it stands for
     * @throws IOException if it stands for none
     */
    public static Kind of(int code) throws IOException {
      if (code < 0 || code >= values().length) {
        throw new IOException("no such kind of frame: " + code);
      }
      return values()[code];
    }
  }

  /** How a request went. */
  enum Status {
    OK,
    NO_HANDLER,
    FAILED,
    BUSY
  }

  /** A greeting. */
  record Hello(String cluster, Peer peer, Nonce nonce) {}

  /** What makes every connection's keys different. */
  static final class Nonce {
    private final byte[] bytes;

    Nonce(byte[] bytes) {
      this.bytes = bytes.clone();
    }

    byte[] bytes() {
      return bytes.clone();
    }
  }

  /** A message, and the number that its reply will have; 0 if none is wanted. */
  record Message(long number, String subject, Payload payload) {}

  /** The answer to a message. */
  record Reply(long number, Status status, Payload payload) {}

  /** Bytes that nobody changes. */
  static final class Payload {
    private final byte[] bytes;

    Payload(byte... bytes) {
      this.bytes = bytes;
    }

    byte[] bytes() {
      return bytes;
    }
  }

  static byte[] hello(String cluster, Peer self, Nonce nonce) {
    return frame(Kind.HELLO, out -> {
      out.writeByte(VERSION);
      out.write(nonce.bytes());
      out.writeUTF(cluster);
      out.writeUTF(self.name());
      out.writeUTF(self.bootId());
      out.writeUTF(self.address().toString());
      out.writeByte(self.role().ordinal());
    });
  }

  static byte[] proof() {
    return frame(Kind.PROOF, out -> {});
  }

  static byte[] bye() {
    return frame(Kind.BYE, out -> {});
  }

  static byte[] refused(Refused why) {
    String text = String.valueOf(why.getMessage());
    return frame(Kind.REFUSED, out -> {
      out.writeByte(why.reason().ordinal());
      out.writeUTF(text.substring(0, Math.min(text.length(), MOST_REASON / 3)));
    });
  }

  static byte[] message(Message message) {
    return frame(message.number() == 0 ? Kind.ONE_WAY : Kind.REQUEST, out -> {
      if (message.number() != 0) {
        out.writeLong(message.number());
      }
      out.writeUTF(message.subject());
      out.write(message.payload().bytes());
    });
  }

  static byte[] reply(Reply reply) {
    return frame(Kind.REPLY, out -> {
      out.writeLong(reply.number());
      out.writeByte(reply.status().ordinal());
      out.write(reply.payload().bytes());
    });
  }

  static Hello readHello(byte[] frame) throws IOException, Refused {
    DataInputStream in = after(frame, Kind.HELLO);
    int version = in.readUnsignedByte();
    if (version != VERSION) {
      throw new Refused(Reason.VERSION, "speaks version " + version + ", not " + VERSION);
    }
    Nonce nonce = new Nonce(in.readNBytes(NONCE_BYTES));
    try {
      String cluster = in.readUTF();
      String name = in.readUTF();
      String boot = in.readUTF();
      HostPort address = HostPort.parse(in.readUTF());
      Role role = in.readUnsignedByte() == Role.REGISTRY.ordinal() ? Role.REGISTRY : Role.NODE;
      return new Hello(cluster, new Peer(name, boot, address, role), nonce);
    } catch (N0Exception e) {
      throw new IOException("greeting breaks a rule: " + e.getMessage(), e);
    }
  }

  static Refused readRefused(byte[] frame) throws IOException {
    DataInputStream in = after(frame, Kind.REFUSED);
    int reason = in.readUnsignedByte();
    Reason[] reasons = Reason.values();
    String text = in.readUTF().replaceAll("\\p{Cc}", "?");
    return new Refused(reason < reasons.length ? reasons[reason] : Reason.VERSION, text);
  }

  static Message readMessage(byte[] frame) throws IOException {
    Kind kind = Kind.of(frame[0]);
    DataInputStream in = after(frame, kind);
    long number = kind == Kind.REQUEST ? in.readLong() : 0;
    return new Message(number, in.readUTF(), new Payload(in.readAllBytes()));
  }

  static Reply readReply(byte[] frame) throws IOException {
    DataInputStream in = after(frame, Kind.REPLY);
    long number = in.readLong();
    int status = in.readUnsignedByte();
    Status[] all = Status.values();
    return new Reply(
        number, status < all.length ? all[status] : Status.FAILED, new Payload(in.readAllBytes()));
  }

  private static DataInputStream after(byte[] frame, Kind kind) throws IOException {
    if (Kind.of(frame[0]) != kind) {
      throw new IOException("expected " + kind + ", not " + Kind.of(frame[0]));
    }
    return new DataInputStream(new ByteArrayInputStream(frame, 1, frame.length - 1));
  }

  private static byte[] frame(Kind kind, Content content) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeByte(kind.ordinal());
      content.write(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail
    }
    return bytes.toByteArray();
  }

  /** Writes what follows a frame's kind. */
  @FunctionalInterface
  private interface Content {
    void write(DataOutputStream out) throws IOException;
  }
}
