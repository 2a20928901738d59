package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The bytes of an image file, raw or qcow2 as it is, hashed while they are read. Nothing may write to
 * the file meanwhile. Not thread-safe.
 *
 * @since 0.1
 */
public final class ImageExport implements ReadableByteChannel {
  private static final int CHUNK = 256 << 10;

  private final Path path;
  private final FileChannel file;
  private final long sizeBytes;
  private final Hasher hasher;
  private long position;
  private Set<Digest> digests = Set.of();

  private ImageExport(Path path, FileChannel file, Hasher hasher) throws IOException {
    this.path = path;
    this.file = file;
    this.hasher = hasher;
    sizeBytes = file.size();
  }

  /**
   * Opens a file for reading.
   *
   * @param image absolute path of a regular file
   * @param algorithms hash functions besides SHA-256
   * @return the export, to be closed by the caller
   * @throws N0Exception INVALID for what is not a regular file; NOT_FOUND, PERMISSION or UNAVAILABLE if
   *     it cannot be opened
   */
  public static ImageExport open(Path image, Digest.Algorithm... algorithms) {
    Rules.absolutePath("image", image);
    Set<Digest.Algorithm> all = EnumSet.of(Digest.Algorithm.SHA256);
    all.addAll(Arrays.asList(algorithms));
    return FetchFailures.translated("read", image, () -> {
      BasicFileAttributes found =
          Files.readAttributes(image, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!found.isRegularFile()) {
        throw N0Exception.invalid("image", image, "must be a regular file, not a link or device");
      }
      return new ImageExport(
          image,
          FileChannel.open(image, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)),
          new Hasher(all));
    });
  }

  /**
   * Returns how many bytes there are.
   *
   * @return the length of the file when it was opened
   */
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    byte[] bytes = new byte[Math.min(CHUNK, into.remaining())];
    int count = read(bytes);
    if (count > 0) {
      into.put(bytes, 0, count);
    }
    return count;
  }

  private int read(byte[] into) throws IOException {
    if (position == sizeBytes) {
      end();
      return -1;
    }
    int most = (int) Math.min(into.length, sizeBytes - position);
    int count = file.read(ByteBuffer.wrap(into, 0, most));
    if (count < 0) {
      throw new EOFException(path + " became shorter while it was read");
    }
    hasher.update(into, 0, count);
    position += count;
    return count;
  }

  private void end() {
    if (digests.isEmpty()) {
      digests = hasher.digests();
    }
  }

  /**
   * Returns the bytes as a stream; closing it closes this.
   *
   * @return the stream
   */
  public InputStream stream() {
    return Channels.newInputStream(this);
  }

  /**
   * Writes all bytes that are left to a channel, on this thread.
   *
   * @param out gets the bytes; not closed
   * @param listener hears how far it has come, and cancels by throwing
   * @return SHA-256 of the whole file
   * @throws N0Exception CANCELLED if the thread is interrupted; EXHAUSTED or UNAVAILABLE if the file
   *     cannot be read or the channel not be written
   */
  public Digest writeTo(WritableByteChannel out, FetchListener listener) {
    return FetchFailures.translated("export", path, () -> {
      byte[] chunk = new byte[CHUNK];
      for (int n = read(chunk); n >= 0; n = read(chunk)) {
        ByteBuffer bytes = ByteBuffer.wrap(chunk, 0, n);
        while (bytes.hasRemaining()) {
          out.write(bytes);
        }
        listener.progress(position, OptionalLong.of(sizeBytes));
      }
      return digest(Digest.Algorithm.SHA256);
    });
  }

  void drain(FetchListener listener) throws IOException {
    byte[] chunk = new byte[CHUNK];
    while (read(chunk) >= 0) {
      listener.progress(position, OptionalLong.of(sizeBytes));
    }
  }

  /**
   * Returns a digest of the file, once all of it was read.
   *
   * @param algorithm SHA-256, or one that was given at opening
   * @return the digest
   * @throws IllegalStateException if the end was not reached
   * @throws IllegalArgumentException for another function
   */
  public Digest digest(Digest.Algorithm algorithm) {
    if (position == sizeBytes) {
      end();
    }
    if (digests.isEmpty()) {
      throw new IllegalStateException(
          "read " + position + " of " + sizeBytes + " bytes of " + path);
    }
    return digests.stream()
        .filter(digest -> digest.algorithm() == algorithm)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(algorithm + " was not asked for"));
  }

  @Override
  public boolean isOpen() {
    return file.isOpen();
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      // Read-only: nothing is lost.
      return;
    }
  }
}
