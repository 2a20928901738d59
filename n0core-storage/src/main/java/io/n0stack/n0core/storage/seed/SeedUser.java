package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A user that the guest creates at its first boot.
 *
 * @param name the login name; a user of the guest's image that has it is left as it is but for keys
 *     and sudo
 * @param authorizedKeys public keys of OpenSSH, without options
 * @param sudo a rule of sudoers(5) without the user's name, such as {@code ALL=(ALL) ALL}; empty for
 *     no sudo. For more than one, write a file in {@code /etc/sudoers.d}
 * @param groups further groups, which the guest creates if it lacks them
 * @param shell the login shell
 * @param passwordHash what crypt(3) made of the password; empty for a locked password
 * @since 0.1
 */
public record SeedUser(
    String name,
    List<String> authorizedKeys,
    Optional<String> sudo,
    List<String> groups,
    Path shell,
    Optional<String> passwordHash) {
  private static final Path BASH = Path.of("/bin/bash");
  // SHA-256, SHA-512, yescrypt, gost-yescrypt, scrypt and bcrypt: crypt(5).
  private static final Pattern HASH =
      Pattern.compile("\\$(5|6|y|gy|7|2[aby])\\$[./A-Za-z0-9$=,]{20,240}");

  /** Checks each part. */
  public SeedUser {
    SeedRules.user("user.name", name);
    authorizedKeys = List.copyOf(authorizedKeys);
    authorizedKeys.forEach(key -> SeedRules.key("user.authorizedKeys", key));
    sudo.ifPresent(rule -> SeedRules.line("user.sudo", rule, 1024));
    groups = List.copyOf(groups);
    groups.forEach(group -> SeedRules.user("user.groups", group));
    SeedRules.distinct("user.groups", groups);
    Rules.absolutePath("user.shell", shell);
    SeedRules.line("user.shell", shell.toString(), 255);
    if (shell.toString().indexOf(':') >= 0) {
      throw N0Exception.invalid(
          "user.shell", shell, "must not have a ':', which ends it in passwd(5)");
    }
    passwordHash.ifPresent(SeedUser::requireHash);
  }

  private static void requireHash(String hash) {
    if (!HASH.matcher(hash).matches()) {
      // Without the value, which may well be the password.
      throw N0Exception.invalid(
          "user.passwordHash",
          "(not shown)",
          "must be made by crypt(3) with SHA-256, SHA-512, bcrypt, scrypt or yescrypt, as mkpasswd(1)"
              + " prints it");
    }
  }

  /**
   * Makes a user with bash, a locked password and neither keys nor sudo.
   *
   * @param name the login name
   * @return the user
   */
  public static SeedUser named(String name) {
    return new SeedUser(name, List.of(), Optional.empty(), List.of(), BASH, Optional.empty());
  }

  /**
   * Adds a public key.
   *
   * @param key a line such as {@code ssh-ed25519 AAAA… alice@host}
   * @return the user with this key, too
   */
  public SeedUser withAuthorizedKey(String key) {
    return new SeedUser(name, with(authorizedKeys, key), sudo, groups, shell, passwordHash);
  }

  /**
   * Allows everything by sudo, without a password.
   *
   * @return the user with this rule
   */
  public SeedUser withSudo() {
    return withSudo("ALL=(ALL) NOPASSWD:ALL");
  }

  /**
   * Sets the rule of sudo.
   *
   * @param rule as in sudoers(5), without the user's name
   * @return the user with this rule
   */
  public SeedUser withSudo(String rule) {
    return new SeedUser(name, authorizedKeys, Optional.of(rule), groups, shell, passwordHash);
  }

  /**
   * Adds a group.
   *
   * @param group its name
   * @return the user in this group, too
   */
  public SeedUser withGroup(String group) {
    return new SeedUser(name, authorizedKeys, sudo, with(groups, group), shell, passwordHash);
  }

  /**
   * Sets the login shell.
   *
   * @param program its path in the guest
   * @return the user with this shell
   */
  public SeedUser withShell(Path program) {
    return new SeedUser(name, authorizedKeys, sudo, groups, program, passwordHash);
  }

  /**
   * Sets the password, which can then be used at the console; whether also over SSH is up to the
   * guest's image.
   *
   * @param hash what crypt(3) made of it
   * @return the user with this password
   */
  public SeedUser withPasswordHash(String hash) {
    return new SeedUser(name, authorizedKeys, sudo, groups, shell, Optional.of(hash));
  }

  private static List<String> with(List<String> list, String one) {
    List<String> more = new ArrayList<>(list);
    more.add(one);
    return more;
  }

  /** Returns the user without the password's hash. */
  @Override
  public String toString() {
    return "user \"" + name + "\" with " + authorizedKeys.size() + " keys, password "
        + (passwordHash.isPresent() ? "set" : "locked");
  }
}
