package io.n0stack.n0core.membership.internal.swim;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.Ipv4;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The protocol's messages in a form of our own: what comes from others is read field by field, each within
 * a limit, and never by a serializer that makes objects as it is told to.
 */
@SuppressWarnings("EnumOrdinal") // the order is the protocol's
final class SwimWire {
  /** The most entries of one message that spreads news. */
  static final int MOST_NEWS = 512;

  /** The most entries of a list of all members. */
  static final int MOST_LISTED = 8192;

  /** The highest incarnation that is believed; from there it can still be counted on. */
  static final long MOST_INCARNATION = 1L << 61;

  private static final int MOST_ID = 512; // a seed's host name may have 253 characters

  private SwimWire() {}

  /** What a message consists of. */
  enum Form {
    MEMBER(1),
    PAIR(2),
    NEWS(MOST_NEWS),
    LIST(MOST_LISTED),
    FLAG(0);

    private final int most;

    Form(int most) {
      this.most = most;
    }
  }

  /** A member's state, as one tells another. */
  enum State {
    /** Not said: of one that is looked for. */
    NONE,
    ALIVE,
    SUSPECT,
    DEAD
  }

  /** What one tells of a member. */
  record Told(String id, HostPort address, State state, long incarnation) {
    Told {
      Rules.range("length of id", id.length(), 1, MOST_ID);
      Rules.range("incarnation", incarnation, 0, MOST_INCARNATION);
    }

    /** Tells whether it is of a start of a member: NAME@BOOT, and where it listens. */
    boolean ofMember() {
      return state != State.NONE && Ipv4.literal(address.host()) && isId(id);
    }

    private static boolean isId(String text) {
      int at = text.indexOf('@');
      return at > 0
          && Rules.isLabel(text.substring(0, at))
          && Rules.isLabel(text.substring(at + 1));
    }
  }

  static byte[] write(Form form, List<Optional<Told>> members) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeByte(form.ordinal());
      out.writeShort(members.size());
      for (Optional<Told> member : members) {
        out.writeBoolean(member.isPresent());
        if (member.isPresent()) {
          write(out, member.get());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail
    }
    return bytes.toByteArray();
  }

  private static void write(DataOutputStream out, Told told) throws IOException {
    out.writeUTF(told.id());
    out.writeUTF(told.address().toString());
    out.writeByte(told.state().ordinal());
    out.writeLong(told.incarnation());
  }

  static byte[] write(boolean flag) {
    return new byte[] {(byte) Form.FLAG.ordinal(), (byte) (flag ? 1 : 0)};
  }

  /**
   * Reads members.
   *
   * @throws N0Exception INVALID if it is anything else
   */
  static List<Optional<Told>> read(Form form, byte[] message) {
    ByteArrayInputStream bytes = new ByteArrayInputStream(message);
    List<Optional<Told>> members = new ArrayList<>();
    try (DataInputStream in = new DataInputStream(bytes)) {
      require(in.readUnsignedByte() == form.ordinal(), "form", message);
      int count = in.readUnsignedShort();
      require(count <= form.most && count <= bytes.available(), "number of members", message);
      for (int i = 0; i < count; i++) {
        members.add(in.readBoolean() ? Optional.of(readOne(in)) : Optional.empty());
      }
    } catch (IOException e) {
      throw malformed("end", message, e);
    }
    require(bytes.available() == 0, "end", message);
    return members;
  }

  private static Told readOne(DataInputStream in) throws IOException {
    String id = in.readUTF();
    HostPort address = HostPort.parse(in.readUTF());
    int state = in.readUnsignedByte();
    Rules.range("state", state, 0, State.values().length - 1);
    return new Told(id, address, State.values()[state], in.readLong());
  }

  /**
   * Reads yes or no.
   *
   * @throws N0Exception INVALID if it is anything else
   */
  static boolean readFlag(byte[] message) {
    require(message.length == 2 && message[0] == Form.FLAG.ordinal(), "form", message);
    return message[1] == 1;
  }

  private static void require(boolean kept, String what, byte[] message) {
    if (!kept) {
      throw malformed(what, message, new IOException("malformed"));
    }
  }

  private static N0Exception malformed(String what, byte[] message, IOException cause) {
    return new N0Exception(
        N0Exception.Code.INVALID,
        what,
        "read a message of the membership protocol, " + message.length + " bytes: its " + what
            + " is malformed",
        cause);
  }
}
