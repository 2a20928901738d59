package io.n0stack.n0core.kvm.internal.launch;

/**
 * Whom a machine's processes run as.
 *
 * @param uid the user
 * @param gid the group
 */
public record Owner(long uid, long gid) {
  /**
   * Writes it for a file.
   *
   * @return text for {@link #parse}
   */
  public String encode() {
    return uid + " " + gid + "\n";
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @param text the text
   * @return the owner
   * @throws IllegalArgumentException if it is damaged
   */
  public static Owner parse(String text) {
    String[] words = text.strip().split(" ", 2);
    if (words.length != 2) {
      throw new IllegalArgumentException("\"" + text.strip() + "\" is no uid and gid");
    }
    return new Owner(Long.parseLong(words[0]), Long.parseLong(words[1]));
  }
}
