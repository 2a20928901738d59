package io.n0stack.n0core.storage.fetch;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The bytes as published, hashed while they pass: those that a part holds, then those of a source, which
 * the part is given. Of all {@link IOException}s it throws {@link StartAnewException} alone, so that
 * every other one is of whoever uncompresses the bytes.
 */
final class WireInput extends InputStream {
  private final InputStream source;
  private final Optional<PartFile> part;
  private final boolean extendsPart;
  private final long partBytes;
  private final long maxBytes;
  private final Hasher hasher;
  private final Patience patience;
  private long position;

  /** How the bytes that arrive are used. */
  enum Use {
    /** They are the content, which goes into the part by itself. */
    CONTENT,
    /** They are compressed, so the part has to be given them. */
    COMPRESSED
  }

  WireInput(
      InputStream source,
      Optional<PartFile> part,
      Use use,
      long maxBytes,
      Hasher hasher,
      Patience patience)
      throws IOException {
    this.source = source;
    this.part = part;
    extendsPart = use == Use.COMPRESSED && part.isPresent();
    partBytes = part.isPresent() ? part.get().channel().size() : 0;
    this.maxBytes = maxBytes;
    this.hasher = hasher;
    this.patience = patience;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    patience.beat();
    int count =
        position < partBytes ? readPart(into, offset, length) : readSource(into, offset, length);
    if (count <= 0) {
      return count;
    }
    position += count;
    patience.received(position);
    if (position > maxBytes) {
      throw new ContentTooLargeException("source.size", "more than " + maxBytes, maxBytes);
    }
    hasher.update(into, offset, count);
    return count;
  }

  private int readPart(byte[] into, int offset, int length) throws StartAnewException {
    PartFile file = part.orElseThrow();
    int most = (int) Math.min(length, partBytes - position);
    int count = FetchFailures.translated(
        "read",
        file.path(),
        () -> file.channel().read(ByteBuffer.wrap(into, offset, most), position));
    if (count < 0) {
      throw new StartAnewException("the part has become shorter");
    }
    return count;
  }

  private int readSource(byte[] into, int offset, int length) throws StartAnewException {
    int count;
    try {
      count = source.read(into, offset, length);
    } catch (StartAnewException e) {
      throw e;
    } catch (IOException e) {
      throw FetchFailures.unavailable(patience.operation(), e);
    }
    if (count > 0 && extendsPart) {
      PartFile file = part.orElseThrow();
      FetchFailures.translated("write", file.path(), () -> {
        TemporaryFile.write(file.channel(), ByteBuffer.wrap(into, offset, count), position);
        return count;
      });
    }
    return count;
  }

  long position() {
    return position;
  }

  long partBytes() {
    return partBytes;
  }
}
