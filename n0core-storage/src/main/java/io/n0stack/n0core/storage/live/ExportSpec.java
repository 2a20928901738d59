package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * An export of a running volume over NBD.
 *
 * @param directory absolute path of a directory that only its owner may enter (mode 0700), in which QEMU
 *     makes the socket {@code nbd.sock}; one for all exports of a machine
 * @param name the export's name, a lower-case RFC 1123 label, unique in the machine
 * @param access what clients may do
 * @param bitmaps dirty bitmaps that clients may read; while they can, no backup can use them
 * @since 0.1
 */
public record ExportSpec(Path directory, String name, Access access, List<String> bitmaps) {
  private static final int SOCKET_PATH = 107; // struct sockaddr_un, linux/un.h, less the final 0
  private static final String SOCKET = "nbd.sock";

  /** Checks path and names. */
  public ExportSpec {
    Rules.absolutePath("directory", directory);
    Rules.label("name", name);
    bitmaps = List.copyOf(bitmaps);
    bitmaps.forEach(bitmap -> Rules.label("bitmaps", bitmap));
    String socket = directory.resolve(SOCKET).toString();
    if (socket.getBytes(StandardCharsets.UTF_8).length > SOCKET_PATH) {
      throw N0Exception.invalid(
          "directory", directory, "must leave room for a socket's path of 107 bytes");
    }
  }

  /**
   * What clients of an export may do.
   *
   * @since 0.1
   */
  public enum Access {
    /** Read. */
    READ_ONLY,
    /** Read and write. */
    READ_WRITE
  }

  /**
   * Makes a spec of an export for reading.
   *
   * @param directory absolute path of a private directory
   * @param name the export's name
   * @return the spec, without bitmaps
   */
  public static ExportSpec readOnly(Path directory, String name) {
    return new ExportSpec(directory, name, Access.READ_ONLY, List.of());
  }

  /**
   * Lets clients read bitmaps too.
   *
   * @param names labels
   * @return a changed copy
   */
  public ExportSpec withBitmaps(List<String> names) {
    return new ExportSpec(directory, name, access, names);
  }

  /**
   * Changes what clients may do.
   *
   * @param other what they may do
   * @return a changed copy
   */
  public ExportSpec withAccess(Access other) {
    return new ExportSpec(directory, name, other, bitmaps);
  }

  /**
   * Returns where the socket is.
   *
   * @return its path
   */
  public Path socket() {
    return directory.resolve(SOCKET);
  }
}
