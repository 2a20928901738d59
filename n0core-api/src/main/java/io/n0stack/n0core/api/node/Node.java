package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The record of a host that runs an agent.
 *
 * @param name an RFC 1123 label, the same as its member's
 * @param address where its agent is reached, as {@code HOST:PORT}
 * @param bootId what tells this start of the agent from earlier ones; empty if it is not known
 * @param identityKey the agent's public key, Base64; empty in development mode
 * @param serial the host's serial number, from DMI
 * @param ipmiAddress where the host's management controller is reached
 * @param placement where the host stands
 * @param capacity what it offers, by resource, such as {@code cpu.millicores}; not negative
 * @param labels what people say of it; n0core never changes them
 * @param annotations what programs say of it
 * @since 0.1
 */
public record Node(
    String name,
    String address,
    Optional<String> bootId,
    Optional<String> identityKey,
    Optional<String> serial,
    Optional<String> ipmiAddress,
    Optional<Placement> placement,
    Map<String, Long> capacity,
    Map<String, String> labels,
    Map<String, String> annotations) {
  /** The resource that {@link Resources#cpuMilliCores()} counts. */
  public static final String CPU_MILLICORES = "cpu.millicores";

  /** The resource that {@link Resources#memoryBytes()} counts. */
  public static final String MEMORY_BYTES = "memory.bytes";

  /** The resource that {@link Resources#storageBytes()} counts. */
  public static final String STORAGE_BYTES = "storage.bytes";

  private static final int TEXT = 1024;
  private static final int KEY_TEXT = 2048; // an RSA key of 8192 bits takes 1,400
  private static final int ENTRIES = 256;
  private static final Pattern ADDRESS = Pattern.compile("[A-Za-z0-9.\\[\\]:_-]{1,255}:[0-9]{1,5}");
  private static final Pattern CONTROLLER = Pattern.compile("[A-Za-z0-9.\\[\\]:_-]{1,255}");
  private static final Pattern BASE64 = Pattern.compile("[A-Za-z0-9+/_-]+={0,2}");
  private static final int LARGEST_PORT = 65535;

  /**
   * Where a host stands.
   *
   * @param datacenter the building
   * @param zone the part that fails together
   * @param cell the part that is managed together
   * @param rack the rack
   * @param unit the lowest rack unit it fills, 0 to 100
   */
  public record Placement(String datacenter, String zone, String cell, String rack, int unit) {
    /** Checks the texts and the unit. */
    public Placement {
      Rules.text("placement.datacenter", datacenter, TEXT);
      Rules.text("placement.zone", zone, TEXT);
      Rules.text("placement.cell", cell, TEXT);
      Rules.text("placement.rack", rack, TEXT);
      Rules.range("placement.unit", unit, 0, 100);
    }
  }

  /** Checks texts, numbers and sizes. */
  public Node {
    Rules.label("name", name);
    requireAddress(address);
    bootId.ifPresent(text -> Rules.text("bootId", text, TEXT));
    identityKey.ifPresent(Node::requireKey);
    serial.ifPresent(text -> Rules.text("serial", text, TEXT));
    ipmiAddress.ifPresent(Node::requireController);
    capacity = Map.copyOf(capacity);
    labels = Map.copyOf(labels);
    annotations = Map.copyOf(annotations);
    Rules.range("entries of capacity", capacity.size(), 0, ENTRIES);
    Rules.range("entries of labels", labels.size(), 0, ENTRIES);
    Rules.range("entries of annotations", annotations.size(), 0, ENTRIES);
    capacity.forEach((resource, amount) -> {
      Rules.text("capacity", resource, TEXT);
      Rules.range("capacity." + resource, amount, 0, Long.MAX_VALUE);
    });
    labels.forEach((key, value) -> requireEntry("labels", key, value));
    annotations.forEach((key, value) -> requireEntry("annotations", key, value));
  }

  private static void requireAddress(String address) {
    Rules.text("address", address, TEXT);
    int colon = address.lastIndexOf(':');
    if (!ADDRESS.matcher(address).matches()
        || Integer.parseInt(address.substring(colon + 1)) < 1
        || Integer.parseInt(address.substring(colon + 1)) > LARGEST_PORT) {
      throw N0Exception.invalid("address", address, "must be HOST:PORT, such as 127.0.0.1:5679");
    }
  }

  private static void requireKey(String key) {
    Rules.text("identityKey", key, KEY_TEXT);
    if (!BASE64.matcher(key).matches()) {
      throw N0Exception.invalid("identityKey", key, "must be Base64");
    }
  }

  private static void requireController(String controller) {
    Rules.text("ipmiAddress", controller, TEXT);
    if (!CONTROLLER.matcher(controller).matches()) {
      throw N0Exception.invalid(
          "ipmiAddress", controller, "must be an IP address or a host name, or HOST:PORT");
    }
  }

  private static void requireEntry(String field, String key, String value) {
    Rules.text(field, key, TEXT);
    if (!value.isEmpty()) {
      Rules.text(field + "." + key, value, TEXT);
    }
  }

  /**
   * Sets the agent's public key.
   *
   * @param base64 the key
   * @return a changed copy
   */
  public Node withIdentityKey(String base64) {
    return new Node(
        name,
        address,
        bootId,
        Optional.of(base64),
        serial,
        ipmiAddress,
        placement,
        capacity,
        labels,
        annotations);
  }

  /**
   * Sets the host's serial number.
   *
   * @param number the number, from DMI
   * @return a changed copy
   */
  public Node withSerial(String number) {
    return new Node(
        name,
        address,
        bootId,
        identityKey,
        Optional.of(number),
        ipmiAddress,
        placement,
        capacity,
        labels,
        annotations);
  }

  /**
   * Returns what of the capacity can be reserved.
   *
   * @return the amounts, 0 for what the record does not name
   */
  public Resources resources() {
    return new Resources(
        capacity.getOrDefault(CPU_MILLICORES, 0L),
        capacity.getOrDefault(MEMORY_BYTES, 0L),
        capacity.getOrDefault(STORAGE_BYTES, 0L));
  }

  /**
   * Sets what can be reserved; other resources stay.
   *
   * @param amounts how much the host offers
   * @return a changed copy
   */
  public Node withResources(Resources amounts) {
    Map<String, Long> changed = new HashMap<>(capacity);
    changed.putAll(amounts.byName());
    return new Node(
        name,
        address,
        bootId,
        identityKey,
        serial,
        ipmiAddress,
        placement,
        changed,
        labels,
        annotations);
  }

  /**
   * Begins a record.
   *
   * @param name an RFC 1123 label, the same as its member's
   * @param address where its agent is reached, as {@code HOST:PORT}
   * @return a builder for one thread
   */
  public static Builder builder(String name, String address) {
    return new Builder(name, address);
  }

  /**
   * Sets which start of the agent the record speaks of.
   *
   * @param id the boot id
   * @return a changed copy
   */
  public Node withBootId(String id) {
    return new Node(
        name,
        address,
        Optional.of(id),
        identityKey,
        serial,
        ipmiAddress,
        placement,
        capacity,
        labels,
        annotations);
  }

  /** Collects the optional parts of a record. Used by one thread. */
  public static final class Builder {
    private final String name;
    private final String address;
    private Optional<String> identityKey = Optional.empty();
    private Optional<String> serial = Optional.empty();
    private Optional<String> ipmiAddress = Optional.empty();
    private Optional<Placement> placement = Optional.empty();
    private final Map<String, Long> capacity = new HashMap<>();
    private final Map<String, String> labels = new HashMap<>();
    private final Map<String, String> annotations = new HashMap<>();

    private Builder(String name, String address) {
      this.name = name;
      this.address = address;
    }

    /**
     * Sets the agent's public key.
     *
     * @param base64 the key
     * @return this
     */
    public Builder identityKey(String base64) {
      identityKey = Optional.of(base64);
      return this;
    }

    /**
     * Sets the host's serial number.
     *
     * @param number the number, from DMI
     * @return this
     */
    public Builder serial(String number) {
      serial = Optional.of(number);
      return this;
    }

    /**
     * Sets where the management controller is reached.
     *
     * @param controller its address
     * @return this
     */
    public Builder ipmiAddress(String controller) {
      ipmiAddress = Optional.of(controller);
      return this;
    }

    /**
     * Sets where the host stands.
     *
     * @param where the place
     * @return this
     */
    public Builder placement(Placement where) {
      placement = Optional.of(where);
      return this;
    }

    /**
     * Adds to what the host offers.
     *
     * @param resource what, such as {@code memory.bytes}
     * @param amount how much, not negative
     * @return this
     */
    public Builder capacity(String resource, long amount) {
      capacity.put(resource, amount);
      return this;
    }

    /**
     * Sets what can be reserved.
     *
     * @param amounts how much the host offers
     * @return this
     */
    public Builder resources(Resources amounts) {
      capacity.putAll(amounts.byName());
      return this;
    }

    /**
     * Adds a label.
     *
     * @param key its key
     * @param value its value
     * @return this
     */
    public Builder label(String key, String value) {
      labels.put(key, value);
      return this;
    }

    /**
     * Adds an annotation.
     *
     * @param key its key
     * @param value its value
     * @return this
     */
    public Builder annotation(String key, String value) {
      annotations.put(key, value);
      return this;
    }

    /**
     * Checks the parts and makes the record.
     *
     * @return the record
     */
    public Node build() {
      return new Node(
          name,
          address,
          Optional.empty(),
          identityKey,
          serial,
          ipmiAddress,
          placement,
          capacity,
          labels,
          annotations);
    }
  }
}
