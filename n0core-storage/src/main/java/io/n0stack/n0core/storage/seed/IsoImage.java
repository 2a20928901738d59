package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A small ISO 9660 image with files in its root directory, which Linux reads with Rock Ridge names
 * and Windows with Joliet names.
 *
 * <p>The same label, time and files give the same bytes. The files belong to root, who alone may
 * read them (mode 0400), where the reader of the image knows Rock Ridge. Immutable.
 *
 * @since 0.1
 */
public final class IsoImage {
  private static final int MOST_FILES = 1000;
  private static final long MOST_BYTES = 64L << 20;
  private static final int NAME_CHARACTERS = 64; // Joliet
  private static final int NAME_BYTES = 128; // a record of 255 bytes has room for no more
  private static final Pattern LABEL = Pattern.compile("[A-Za-z0-9._-]{1,16}");
  private static final Pattern NAME = Pattern.compile("[^*/:;?\\\\\\p{Cc}\\p{Cs}\u2028\u2029]+");
  private static final Instant FIRST = Instant.EPOCH;
  // The year is a byte, counted from 1900.
  private static final Instant LAST = Instant.parse("2155-12-31T23:59:59Z");

  private final String label;
  private final Instant time;
  private final Map<String, byte[]> files;

  private IsoImage(String label, Instant time, Map<String, byte[]> files) {
    this.label = label;
    this.time = time;
    this.files = files;
  }

  /**
   * Begins an image without files whose times are the epoch.
   *
   * @param label the label of the volume, 1 to 16 of letters, digits, dot, underscore and hyphen
   * @return the image
   * @throws N0Exception INVALID if the label breaks that rule
   */
  public static IsoImage labelled(String label) {
    if (!LABEL.matcher(label).matches()) {
      throw N0Exception.invalid(
          "label", label, "must be 1 to 16 characters of A-Z, a-z, 0-9, '.', '_' and '-'");
    }
    return new IsoImage(label, FIRST, Map.of());
  }

  /**
   * Returns the same image with another time, which is that of the volume and of each file.
   *
   * @param instant the time, 1970 to 2155; fractions of a second are dropped
   * @return the image
   * @throws N0Exception INVALID if the time is outside that range
   */
  public IsoImage withTime(Instant instant) {
    if (instant.isBefore(FIRST) || instant.isAfter(LAST)) {
      throw N0Exception.invalid("time", instant, "must be " + FIRST + " to " + LAST);
    }
    return new IsoImage(label, instant.truncatedTo(ChronoUnit.SECONDS), files);
  }

  /**
   * Returns the same image with one file more.
   *
   * @param name 1 to 64 characters, at most 128 bytes of UTF-8, without {@code * / : ; ? \} and
   *     control characters, not ending in a dot
   * @param content its bytes; all files together may have 64 MiB
   * @return the image
   * @throws N0Exception INVALID if the name breaks that rule or is there already, or the image has
   *     become too large
   */
  public IsoImage withFile(String name, byte[] content) {
    if (!NAME.matcher(name).matches()
        || name.endsWith(".")
        || name.length() > NAME_CHARACTERS
        || name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES) {
      throw N0Exception.invalid(
          "file",
          name,
          "must be 1 to 64 characters, at most 128 bytes, without '*', '/', ':', ';', '?', '\\' and"
              + " control characters, and not end in '.'");
    }
    if (files.containsKey(name)) {
      throw N0Exception.invalid("file", name, "must not be there twice");
    }
    Rules.range("files", files.size() + 1L, 1, MOST_FILES);
    long bytes = content.length;
    for (byte[] other : files.values()) {
      bytes += other.length;
    }
    Rules.range("files, bytes", bytes, 0, MOST_BYTES);
    Map<String, byte[]> more = new TreeMap<>(files);
    more.put(name, content.clone());
    return new IsoImage(label, time, Collections.unmodifiableMap(more));
  }

  /**
   * Makes the image.
   *
   * @return its bytes, a multiple of 64 KiB
   */
  public byte[] toBytes() {
    return new IsoLayout(label, time, files).image();
  }

  /**
   * Makes the image and writes it.
   *
   * @param channel where to; stays open
   * @throws IOException if the channel fails
   */
  public void writeTo(WritableByteChannel channel) throws IOException {
    ByteBuffer image = ByteBuffer.wrap(toBytes());
    while (image.hasRemaining()) {
      channel.write(image);
    }
  }

  /**
   * Makes the image and puts it in a file that only its owner may read and write, in place of a file
   * that is there.
   *
   * <p>When this returns, the file and its name are on disk. If it fails, or the machine does, the
   * file has its old content or the new, never a part.
   *
   * @param file an absolute path in an existing directory
   * @throws N0Exception if it cannot be written: EXHAUSTED for want of space, NOT_FOUND for want of
   *     the directory, PERMISSION, or UNAVAILABLE
   */
  public void write(Path file) {
    WholeFile.replace(Rules.absolutePath("file", file), toBytes());
  }

  @Override
  public String toString() {
    return "ISO image \"" + label + "\" of " + files.keySet();
  }
}
