package io.n0stack.n0core.membership.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Reservation.Address;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.store.Versioned;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** The records that reservations are made of, and their keys. */
public final class ReservationRecords {
  static final String CLAIM = "claim";
  /** Where the records are of what is taken of nodes. */
  public static final String RESERVED = "reserved";

  static final String ADDRESS = "address";
  private static final int VERSION = 1;

  private ReservationRecords() {}

  /** How far a claim is. */
  public enum Stage {
    /** Addresses and resources are being taken for it. */
    PENDING,
    /** It has all that it names. */
    HELD,
    /** What was taken for it is being given back. */
    RELEASING
  }

  /**
   * What an owner asked for; written before anything is taken, deleted after all was given back.
   *
   * @param version the version of its form
   * @param stage how far it is
   * @param nonce tells it from earlier claims of the same owner
   * @param node the node's name
   * @param owner who asked
   * @param resources what of the node
   * @param addresses which addresses
   */
  public record Claim(
      int version,
      Stage stage,
      String nonce,
      String node,
      UUID owner,
      Resources resources,
      List<AddressText> addresses) {
    /**
     * Begins a claim.
     *
     * @param wanted what is asked for
     * @return the claim, with a nonce of its own
     */
    public static Claim of(Reservation wanted) {
      List<AddressText> addresses = wanted.addresses().stream()
          .map(AddressText::of)
          .sorted(
              (a, b) -> key(a).compareTo(key(b))) // one order for all, so that none waits in a ring
          .toList();
      return new Claim(
          VERSION,
          Stage.PENDING,
          UUID.randomUUID().toString(),
          wanted.node(),
          wanted.owner(),
          wanted.resources(),
          addresses);
    }

    /**
     * Returns it at another stage.
     *
     * @param next the stage
     * @return a changed copy
     */
    public Claim at(Stage next) {
      return new Claim(version, next, nonce, node, owner, resources, addresses);
    }

    /**
     * Returns what was asked for.
     *
     * @return the reservation
     */
    public Reservation reservation() {
      Set<Address> parsed =
          addresses.stream().map(AddressText::address).collect(Collectors.toUnmodifiableSet());
      return new Reservation(node, owner, resources, parsed);
    }

    private boolean whole() {
      return stage != null
          && nonce != null
          && node != null
          && owner != null
          && resources != null
          && addresses != null
          && addresses.stream().noneMatch(one -> one == null || one.ip() == null);
    }
  }

  /**
   * An address as it is written.
   *
   * @param network its network
   * @param ip its bytes in hexadecimal
   */
  public record AddressText(String network, String ip) {
    static AddressText of(Address address) {
      return new AddressText(
          address.network(), HexFormat.of().formatHex(address.ip().getAddress()));
    }

    /**
     * Reads it.
     *
     * @return the address
     * @throws N0Exception INVALID if its bytes are not those of an address
     */
    public Address address() {
      try {
        return new Address(network, InetAddress.getByAddress(HexFormat.of().parseHex(ip)));
      } catch (UnknownHostException | IllegalArgumentException e) {
        throw N0Exception.invalid("ip", ip, "must be 4 or 16 bytes in hexadecimal");
      }
    }
  }

  /**
   * What of a node one owner has.
   *
   * @param nonce of which claim
   * @param resources what the owner has
   */
  public record Share(String nonce, Resources resources) {}

  /**
   * What of a node is taken, by owner.
   *
   * @param version the version of its form
   * @param shares what each owner has
   */
  public record Taken(int version, Map<UUID, Share> shares) {
    /** Nothing is taken. */
    public static final Taken NOTHING = new Taken(VERSION, Map.of());

    /**
     * Writes down what is taken.
     *
     * @param shares what each owner has
     * @return the record
     */
    public static Taken of(Map<UUID, Share> shares) {
      return new Taken(VERSION, shares);
    }

    /**
     * Sums up what all owners have.
     *
     * @return what is taken
     */
    public Resources sum() {
      return shares.values().stream().map(Share::resources).reduce(Resources.NONE, Resources::plus);
    }

    private boolean whole() {
      return shares != null
          && shares.values().stream()
              .noneMatch(
                  share -> share == null || share.nonce() == null || share.resources() == null);
    }
  }

  /**
   * Who has an address.
   *
   * @param version the version of its form
   * @param owner who has it
   * @param nonce of which claim
   */
  public record Holder(int version, UUID owner, String nonce) {
    /**
     * Names the holder that a claim makes.
     *
     * @param claim the claim
     * @return the record
     */
    public static Holder of(Claim claim) {
      return new Holder(VERSION, claim.owner(), claim.nonce());
    }
  }

  /**
   * Names the record of a claim.
   *
   * @param owner who asked
   * @return its key
   */
  public static String key(UUID owner) {
    return CLAIM + "/" + owner;
  }

  /**
   * Names the record of what is taken of a node.
   *
   * @param node the node's name
   * @return its key
   */
  public static String key(String node) {
    return RESERVED + "/" + node;
  }

  /**
   * Names the record of an address.
   *
   * @param address the address
   * @return its key
   */
  public static String key(AddressText address) {
    // Hyphens only so that people can read it; of two lengths, and so never the same for two
    // addresses.
    int group = address.ip().length() == 8 ? 2 : 4;
    String grouped = address.ip().replaceAll("(.{" + group + "})(?!$)", "$1-");
    return ADDRESS + "/" + address.network() + "/" + grouped;
  }

  /**
   * Writes a record.
   *
   * @param record the record
   * @return its JSON
   */
  public static String json(Object record) {
    return new String(NodeJson.bytes(record), StandardCharsets.UTF_8);
  }

  /**
   * Reads a claim.
   *
   * @param record its record
   * @return the claim
   * @throws N0Exception UNAVAILABLE if it cannot be read: nobody knows what is taken
   */
  public static Claim claim(Versioned record) {
    Claim claim = read(record, Claim.class, record.key());
    if (claim.version() != VERSION || !claim.whole()) {
      throw unreadable(record, "parts are missing, or it is of version " + claim.version());
    }
    return claim;
  }

  /**
   * Reads what is taken of a node.
   *
   * @param record its record
   * @return what is taken
   * @throws N0Exception UNAVAILABLE if it cannot be read: nobody knows what is taken
   */
  public static Taken taken(Versioned record) {
    Taken taken = read(record, Taken.class, record.key());
    if (taken.version() != VERSION || !taken.whole()) {
      throw unreadable(record, "parts are missing, or it is of version " + taken.version());
    }
    return taken;
  }

  /**
   * Reads who has an address.
   *
   * @param record its record
   * @return who has it
   * @throws N0Exception UNAVAILABLE if it cannot be read: nobody knows what is taken
   */
  public static Holder holder(Versioned record) {
    Holder holder = read(record, Holder.class, record.key());
    if (holder.version() != VERSION || holder.owner() == null || holder.nonce() == null) {
      throw unreadable(record, "parts are missing, or it is of version " + holder.version());
    }
    return holder;
  }

  private static <T> T read(Versioned record, Class<T> type, String what) {
    try {
      byte[] json = record.value().getBytes(StandardCharsets.UTF_8);
      return NodeJson.read(what, json, NodeJson.MAX_MESSAGE_BYTES, type);
    } catch (N0Exception e) {
      throw unreadable(record, String.valueOf(e.getMessage()));
    }
  }

  /** Says that nobody knows what is taken: nothing is given away on top of that. */
  private static N0Exception unreadable(Versioned record, String why) {
    return new N0Exception(
        Code.UNAVAILABLE,
        "record \"" + record.key() + "\"",
        "read record \"" + record.key() + "\" of revision " + record.revision() + ": " + why);
  }
}
