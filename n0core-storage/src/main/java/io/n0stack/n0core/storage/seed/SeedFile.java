package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A file that the guest writes at its first boot.
 *
 * @param path where, in the guest
 * @param base64 its content
 * @param permissions four octal digits
 * @param owner {@code USER} or {@code USER:GROUP}, which may be created by the same seed; empty for
 *     root
 * @since 0.1
 */
public record SeedFile(Path path, String base64, String permissions, Optional<String> owner) {
  private static final int MOST_BYTES = 1 << 20;
  private static final Pattern PERMISSIONS = Pattern.compile("0[0-7]{3}");

  /** Checks each part. */
  public SeedFile {
    Rules.absolutePath("file.path", path);
    SeedRules.line("file.path", path.toString(), 1024);
    try {
      Rules.range("file, bytes", Base64.getDecoder().decode(base64).length, 0, MOST_BYTES);
    } catch (IllegalArgumentException e) {
      throw N0Exception.invalid("file.base64", "(not shown)", "must be base64: " + e.getMessage());
    }
    if (!PERMISSIONS.matcher(permissions).matches()) {
      throw N0Exception.invalid(
          "file.permissions", permissions, "must be four octal digits, the first a 0");
    }
    owner.ifPresent(SeedFile::requireOwner);
  }

  private static void requireOwner(String owner) {
    int colon = owner.indexOf(':');
    SeedRules.user("file.owner", colon < 0 ? owner : owner.substring(0, colon));
    if (colon >= 0) {
      SeedRules.user("file.owner", owner.substring(colon + 1));
    }
  }

  /**
   * Makes a file of root's that all may read.
   *
   * @param path where, in the guest
   * @param text its content, which becomes UTF-8
   * @return the file
   */
  public static SeedFile of(Path path, String text) {
    return of(path, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Makes a file of root's that all may read.
   *
   * @param path where, in the guest
   * @param content its content, at most 1 MiB
   * @return the file
   */
  public static SeedFile of(Path path, byte[] content) {
    String base64 = Base64.getEncoder().encodeToString(content);
    return new SeedFile(path, base64, "0644", Optional.empty());
  }

  /**
   * Sets who may do what.
   *
   * @param octal four digits, such as {@code 0600}
   * @return the file with these permissions
   */
  public SeedFile withPermissions(String octal) {
    return new SeedFile(path, base64, octal, owner);
  }

  /**
   * Sets the owner; the file is then written after the users were created.
   *
   * @param user {@code USER} or {@code USER:GROUP}
   * @return the file with this owner
   */
  public SeedFile withOwner(String user) {
    return new SeedFile(path, base64, permissions, Optional.of(user));
  }

  /** Returns the file without its content. */
  @Override
  public String toString() {
    return "file \"" + path + "\" " + permissions + " of " + owner.orElse("root");
  }
}
