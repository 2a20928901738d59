package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.URI;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Where the first content of a volume comes from.
 *
 * @since 0.1
 */
public sealed interface ImageSource {
  /**
   * A backing image: the volume holds only what differs from it. The image must stay where it is and
   * unchanged for as long as the volume exists.
   *
   * @param image absolute path of the image
   * @param format its format
   */
  record Backing(Path image, ImageFormat format) implements ImageSource {
    /** Checks the path. */
    public Backing {
      Rules.absolutePath("source.image", image);
    }
  }

  /**
   * A file of this host, copied whole.
   *
   * @param image absolute path of the image
   * @param format its format
   */
  record Copy(Path image, ImageFormat format) implements ImageSource {
    /** Checks the path. */
    public Copy {
      Rules.absolutePath("source.image", image);
    }
  }

  /** How the bytes of a file are compressed as a whole; qcow2's compressed clusters are not meant. */
  enum Compression {
    /** RFC 1952, also of several members. */
    GZIP,
    /** The {@code .xz} container, also of several streams. */
    XZ,
    /** RFC 8878, also of several frames. */
    ZSTD
  }

  /**
   * A file of this host in a format of other hypervisors, converted. Its content decides what is opened on
   * the way, so a driver reads it in a process that can open nothing else.
   *
   * @param image absolute path of the image
   * @param from its format
   */
  record Conversion(Path image, ForeignFormat from) implements ImageSource {
    /** Checks the path. */
    public Conversion {
      Rules.absolutePath("source.image", image);
    }
  }

  /**
   * A file from an HTTP server, or of this host, verified.
   *
   * @param uri an {@code http} or {@code https} address without user information, or {@code file:} and an
   *     absolute path
   * @param digest {@code sha256:} or {@code sha512:} and the digest in lower-case hexadecimal, of the
   *     file as it is published: if it is compressed, of the compressed bytes
   * @param format the format of the image, once uncompressed
   * @param compression how the file is compressed; empty if it is not
   */
  record Download(URI uri, String digest, ImageFormat format, Optional<Compression> compression)
      implements ImageSource {
    private static final Pattern DIGEST =
        Pattern.compile("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}");

    /** Checks address and digest. */
    public Download {
      String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
      boolean possible = scheme.equals("file")
          ? uri.getAuthority() == null && uri.getPath() != null && uri.getPath().startsWith("/")
          : Set.of("http", "https").contains(scheme)
              && uri.getHost() != null
              && uri.getUserInfo() == null;
      if (!possible) {
        throw N0Exception.invalid(
            "source.uri",
            shown(uri),
            "must be http or https, with a host, without a user, or file: and an absolute path");
      }
      if (!DIGEST.matcher(digest).matches()) {
        throw N0Exception.invalid(
            "source.digest",
            digest,
            "must be sha256: or sha512: and lower-case hexadecimal digits");
      }
    }

    /**
     * Makes the source of a file that is not compressed.
     *
     * @param uri its address
     * @param digest {@code sha256:} or {@code sha512:} and the digest in lower-case hexadecimal
     * @param format its format
     */
    public Download(URI uri, String digest, ImageFormat format) {
      this(uri, digest, format, Optional.empty());
    }

    /** Returns a text without what may be a secret: user, query and fragment of the address. */
    @Override
    public String toString() {
      return "Download[uri=" + shown(uri) + ", digest=" + digest + ", format=" + format
          + ", compression=" + compression + "]";
    }

    private static String shown(URI uri) {
      return uri.toString().replaceFirst("[?#].*", "").replaceFirst("//[^/]*@", "//...@");
    }

    /**
     * Changes the compression.
     *
     * @param how how the file is compressed
     * @return a changed copy
     */
    public Download compressed(Compression how) {
      return new Download(uri, digest, format, Optional.of(how));
    }
  }
}
