package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a guest with cloud-init is told at its first boot, as the data source NoCloud reads it from a
 * disk labelled {@code cidata}.
 *
 * <p>The same seed gives the same image, byte for byte. Give a machine another instance id when it
 * is to be set up anew.
 *
 * @param instanceId what tells cloud-init whether this is a first boot
 * @param hostname an RFC 1123 label
 * @param fqdn the full name, which begins with the hostname and a dot
 * @param defaultUser whether the guest gets the user that its image calls for
 * @param authorizedKeys OpenSSH public keys of that user
 * @param users further users
 * @param timezone a name of the tz database, such as {@code Europe/Berlin}
 * @param files files to be written
 * @param commands commands to be run once at the end of the first boot, each as its words
 * @param rawUserData user-data to be passed on as it is; all that would be written in there is then
 *     empty
 * @param vendorData vendor-data to be passed on as it is
 * @param nics what to do with the NICs; if none, cloud-init asks for an address by DHCP
 * @param time when the image says it was made
 * @since 0.1
 */
public record CloudInitSeed(
    String instanceId,
    String hostname,
    Optional<String> fqdn,
    DefaultUser defaultUser,
    List<String> authorizedKeys,
    List<SeedUser> users,
    Optional<String> timezone,
    List<SeedFile> files,
    List<List<String>> commands,
    Optional<String> rawUserData,
    Optional<String> vendorData,
    List<SeedNic> nics,
    Instant time) {
  /** The label by which cloud-init finds the disk. */
  public static final String LABEL = "cidata";

  private static final int WORD = 1 << 16;
  private static final Pattern INSTANCE_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,127}");
  private static final Pattern TIMEZONE =
      Pattern.compile("[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}");

  /** What becomes of the user that the guest's image calls for, such as {@code debian}. */
  public enum DefaultUser {
    /** It is created. */
    KEPT,
    /** It is not. */
    LEFT_OUT
  }

  /** Checks each part. */
  public CloudInitSeed {
    if (!INSTANCE_ID.matcher(instanceId).matches()) {
      throw N0Exception.invalid(
          "instanceId",
          instanceId,
          "must be 1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-', and begin with a"
              + " letter or digit");
    }
    Rules.label("hostname", hostname);
    fqdn.ifPresent(name -> requireFqdn(name, hostname));
    authorizedKeys = List.copyOf(authorizedKeys);
    authorizedKeys.forEach(key -> SeedRules.key("authorizedKeys", key));
    users = List.copyOf(users);
    SeedRules.distinct("users", users.stream().map(SeedUser::name).toList());
    timezone.ifPresent(CloudInitSeed::requireTimezone);
    files = List.copyOf(files);
    commands = commands.stream().map(CloudInitSeed::checkedCommand).toList();
    vendorData.ifPresent(document -> SeedRules.document("vendorData", document));
    nics = List.copyOf(nics);
    SeedRules.distinct("nics, mac", nics.stream().map(SeedNic::mac).toList());
    SeedRules.distinct(
        "nics, name", nics.stream().flatMap(nic -> nic.name().stream()).toList());
    boolean configured = !authorizedKeys.isEmpty()
        || !users.isEmpty()
        || timezone.isPresent()
        || !files.isEmpty()
        || !commands.isEmpty();
    if (rawUserData.isPresent()) {
      SeedRules.document("rawUserData", rawUserData.get());
      requireAlone(configured, defaultUser);
    } else if (defaultUser == DefaultUser.LEFT_OUT) {
      requireAnotherUser(authorizedKeys, users);
    }
    // Says now what would be wrong with it.
    IsoImage unused = IsoImage.labelled(LABEL).withTime(time);
  }

  private static void requireFqdn(String fqdn, String hostname) {
    SeedRules.domain("fqdn", fqdn);
    if (!fqdn.startsWith(hostname + ".")) {
      throw N0Exception.invalid("fqdn", fqdn, "must begin with \"" + hostname + ".\"");
    }
  }

  private static void requireTimezone(String zone) {
    if (!TIMEZONE.matcher(zone).matches()) {
      throw N0Exception.invalid(
          "timezone", zone, "must be a name of the tz database, such as \"Europe/Berlin\"");
    }
  }

  private static List<String> checkedCommand(List<String> words) {
    if (words.isEmpty() || words.get(0).isBlank()) {
      throw N0Exception.invalid("commands", words, "must each begin with a program");
    }
    words.forEach(word -> SeedRules.lines("commands", word, WORD));
    return List.copyOf(words);
  }

  private static void requireAlone(boolean configured, DefaultUser defaultUser) {
    if (configured || defaultUser == DefaultUser.LEFT_OUT) {
      throw N0Exception.invalid(
          "rawUserData",
          "(not shown)",
          "must not be given together with users, keys, files, commands or a time zone, which would"
              + " be written in the same document");
    }
  }

  private static void requireAnotherUser(List<String> authorizedKeys, List<SeedUser> users) {
    if (!authorizedKeys.isEmpty()) {
      throw N0Exception.invalid(
          "authorizedKeys", authorizedKeys, "must be empty, as the default user is left out");
    }
    if (users.isEmpty()) {
      throw N0Exception.invalid("users", users, "must name one, as the default user is left out");
    }
  }

  /**
   * Begins a seed with the default user alone, and times of the epoch.
   *
   * @param instanceId what tells cloud-init whether this is a first boot, such as the machine's uid
   * @param hostname an RFC 1123 label
   * @return a builder for one thread
   */
  public static Builder builder(String instanceId, String hostname) {
    return new Builder(instanceId, hostname);
  }

  /**
   * Writes the document {@code meta-data}.
   *
   * @return JSON, which is YAML
   */
  public String metaData() {
    return SeedDocuments.metaData(this);
  }

  /**
   * Writes the document {@code user-data}.
   *
   * @return the raw one, or {@code #cloud-config} and JSON, which is YAML
   */
  public String userData() {
    return rawUserData.orElseGet(() -> SeedDocuments.cloudConfig(this));
  }

  /**
   * Writes the document {@code network-config}, version 2.
   *
   * @return JSON, which is YAML; empty if there are no NICs
   */
  public Optional<String> networkConfig() {
    return nics.isEmpty() ? Optional.empty() : Optional.of(SeedDocuments.networkConfig(nics));
  }

  /**
   * Makes the disk.
   *
   * @return an image with the label {@code cidata} and the documents
   */
  public IsoImage image() {
    IsoImage image = with(IsoImage.labelled(LABEL).withTime(time), "meta-data", metaData());
    image = with(image, "user-data", userData());
    if (vendorData.isPresent()) {
      image = with(image, "vendor-data", vendorData.get());
    }
    Optional<String> network = networkConfig();
    return network.isPresent() ? with(image, "network-config", network.get()) : image;
  }

  private static IsoImage with(IsoImage image, String name, String document) {
    return image.withFile(name, document.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Puts the image in a file, as {@link IsoImage#write} does.
   *
   * @param file an absolute path in an existing directory
   * @throws N0Exception if it cannot be written
   */
  public void write(Path file) {
    image().write(file);
  }

  /** Returns the names alone: the rest may be secret. */
  @Override
  public String toString() {
    return "cloud-init seed \"" + instanceId + "\" for \"" + hostname + "\"";
  }

  /** Collects the optional parts of a seed. Used by one thread. */
  public static final class Builder {
    private final String instanceId;
    private final String hostname;
    private Optional<String> fqdn = Optional.empty();
    private DefaultUser defaultUser = DefaultUser.KEPT;
    private final List<String> authorizedKeys = new ArrayList<>();
    private final List<SeedUser> users = new ArrayList<>();
    private Optional<String> timezone = Optional.empty();
    private final List<SeedFile> files = new ArrayList<>();
    private final List<List<String>> commands = new ArrayList<>();
    private Optional<String> rawUserData = Optional.empty();
    private Optional<String> vendorData = Optional.empty();
    private final List<SeedNic> nics = new ArrayList<>();
    private Instant time = Instant.EPOCH;

    private Builder(String instanceId, String hostname) {
      this.instanceId = instanceId;
      this.hostname = hostname;
    }

    /**
     * Sets the full name.
     *
     * @param name the hostname, a dot and a domain
     * @return this
     */
    public Builder fqdn(String name) {
      fqdn = Optional.of(name);
      return this;
    }

    /**
     * Leaves out the user that the guest's image calls for.
     *
     * @return this
     */
    public Builder withoutDefaultUser() {
      defaultUser = DefaultUser.LEFT_OUT;
      return this;
    }

    /**
     * Adds a public key of the default user.
     *
     * @param key a line such as {@code ssh-ed25519 AAAA… alice@host}
     * @return this
     */
    public Builder authorizedKey(String key) {
      authorizedKeys.add(key);
      return this;
    }

    /**
     * Adds a user.
     *
     * @param user the user
     * @return this
     */
    public Builder user(SeedUser user) {
      users.add(user);
      return this;
    }

    /**
     * Sets the time zone.
     *
     * @param zone its name
     * @return this
     */
    public Builder timezone(String zone) {
      timezone = Optional.of(zone);
      return this;
    }

    /**
     * Adds a file.
     *
     * @param file the file
     * @return this
     */
    public Builder file(SeedFile file) {
      files.add(file);
      return this;
    }

    /**
     * Adds a command. No shell looks at its words.
     *
     * @param words the program and its arguments
     * @return this
     */
    public Builder command(String... words) {
      commands.add(List.of(words));
      return this;
    }

    /**
     * Adds a script.
     *
     * @param script what {@code sh -c} is to run
     * @return this
     */
    public Builder script(String script) {
      return command("sh", "-c", script);
    }

    /**
     * Sets user-data to be passed on as it is.
     *
     * @param document the whole document
     * @return this
     */
    public Builder rawUserData(String document) {
      rawUserData = Optional.of(document);
      return this;
    }

    /**
     * Sets vendor-data to be passed on as it is.
     *
     * @param document the whole document
     * @return this
     */
    public Builder vendorData(String document) {
      vendorData = Optional.of(document);
      return this;
    }

    /**
     * Adds a NIC.
     *
     * @param nic what to do with it
     * @return this
     */
    public Builder nic(SeedNic nic) {
      nics.add(nic);
      return this;
    }

    /**
     * Sets when the image says it was made.
     *
     * @param instant the time
     * @return this
     */
    public Builder time(Instant instant) {
      time = instant;
      return this;
    }

    /**
     * Checks the parts and makes the seed.
     *
     * @return the seed
     */
    public CloudInitSeed build() {
      return new CloudInitSeed(
          instanceId,
          hostname,
          fqdn,
          defaultUser,
          authorizedKeys,
          users,
          timezone,
          files,
          commands,
          rawUserData,
          vendorData,
          nics,
          time);
    }
  }
}
