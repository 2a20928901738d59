package io.n0stack.n0core.storage.fetch;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * Uncompresses RFC 1952, all members. Unlike the JDK's stream it does not take the end of what has
 * arrived for the end of the file, nor garbage behind a member for nothing.
 */
final class GzipInput extends InputStream {
  private static final int MAGIC = 0x8b1f;
  private static final int DEFLATE = 8;
  private static final int HEADER_CRC = 2;
  private static final int EXTRA = 4;
  private static final int NAME = 8;
  private static final int COMMENT = 16;
  private static final int RESERVED = 0xe0;

  private final InputStream in;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private final byte[] buffer = new byte[64 << 10];
  private int at;
  private int limit;
  private boolean inMember;
  private boolean any;

  GzipInput(InputStream in) {
    this.in = in;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (inMember || begin()) {
      int count = inflate(into, offset, length);
      if (count > 0) {
        crc.update(into, offset, count);
        return count;
      }
    }
    return -1;
  }

  private int inflate(byte[] into, int offset, int length) throws IOException {
    if (at == limit && inflater.needsInput() && !inflater.finished()) {
      require(fill());
    }
    inflater.setInput(buffer, at, limit - at);
    try {
      int count = inflater.inflate(into, offset, length);
      at = limit - inflater.getRemaining();
      if (count == 0 && inflater.finished()) {
        end();
      } else if (count == 0 && inflater.needsDictionary()) {
        throw new ZipException("needs a dictionary");
      }
      return count;
    } catch (DataFormatException e) {
      throw new ZipException(e.getMessage() == null ? "broken data" : e.getMessage());
    }
  }

  /** Reads the header of the next member; false at the end of the file. */
  private boolean begin() throws IOException {
    if (at == limit && !fill()) {
      require(any);
      return false;
    }
    if (number(2) != MAGIC) {
      throw new ZipException(any ? "garbage behind the last member" : "not gzip");
    }
    int method = next();
    int flags = next();
    if (method != DEFLATE || (flags & RESERVED) != 0) {
      throw new ZipException("unknown method or flags");
    }
    skip(6); // time, extra flags, operating system
    if ((flags & EXTRA) != 0) {
      skip((int) number(2));
    }
    for (int text : new int[] {NAME, COMMENT}) {
      if ((flags & text) != 0) {
        skipText();
      }
    }
    if ((flags & HEADER_CRC) != 0) {
      skip(2);
    }
    inflater.reset();
    crc.reset();
    inMember = true;
    any = true;
    return true;
  }

  private void end() throws IOException {
    if (number(4) != crc.getValue()) {
      throw new ZipException("wrong checksum");
    }
    if (number(4) != (inflater.getBytesWritten() & 0xffffffffL)) {
      throw new ZipException("wrong length");
    }
    inMember = false;
  }

  private long number(int bytes) throws IOException {
    long number = 0;
    for (int i = 0; i < bytes; i++) {
      number |= (long) next() << (8 * i);
    }
    return number;
  }

  private void skip(int bytes) throws IOException {
    for (int i = 0; i < bytes; i++) {
      next();
    }
  }

  private void skipText() throws IOException {
    int last = next();
    while (last != 0) {
      last = next();
    }
  }

  private int next() throws IOException {
    require(at < limit || fill());
    return buffer[at++] & 0xff;
  }

  private boolean fill() throws IOException {
    at = 0;
    limit = Math.max(0, in.read(buffer, 0, buffer.length));
    return limit > 0;
  }

  private static void require(boolean there) throws EOFException {
    if (!there) {
      throw new EOFException("cut off");
    }
  }

  @Override
  public void close() throws IOException {
    inflater.end();
    in.close();
  }
}
