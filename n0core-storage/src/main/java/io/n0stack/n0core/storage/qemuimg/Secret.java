package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A passphrase, wiped when closed. It reaches {@code qemu-img} through a pipe: never an argument, an
 * environment variable or a file, and no message or log shows it. Any thread may use it; who made it
 * closes it, after the runs that need it.
 *
 * @since 0.1
 */
public final class Secret implements AutoCloseable {
  private static final int MOST_BYTES = 4096;

  private final ReentrantLock lock = new ReentrantLock();
  private final byte[] value;
  private boolean closed;

  private Secret(byte[] value) {
    this.value = value;
    if (value.length == 0 || value.length > MOST_BYTES || contains(value, (byte) 0)) {
      close();
      throw refused();
    }
  }

  /**
   * Copies a passphrase.
   *
   * @param passphrase 1 to 4096 bytes of UTF-8 without NUL; the caller wipes the array
   * @return the secret
   * @throws N0Exception INVALID if it is anything else
   */
  public static Secret ofUtf8(byte[] passphrase) {
    try {
      wipe(StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(passphrase))
          .array());
    } catch (CharacterCodingException e) {
      throw refused();
    }
    return new Secret(passphrase.clone());
  }

  /**
   * Copies a passphrase.
   *
   * @param passphrase characters, of 1 to 4096 bytes in UTF-8, without NUL; the caller wipes the array
   * @return the secret
   * @throws N0Exception INVALID if it is anything else
   */
  public static Secret of(char[] passphrase) {
    try {
      ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(passphrase));
      byte[] value = new byte[encoded.remaining()];
      encoded.get(value).clear();
      while (encoded.hasRemaining()) {
        encoded.put((byte) 0);
      }
      return new Secret(value);
    } catch (CharacterCodingException e) {
      throw refused();
    }
  }

  /** Returns a copy that the caller wipes. */
  byte[] copy() {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the secret is closed");
      }
      return value.clone();
    } finally {
      lock.unlock();
    }
  }

  /** Wipes the passphrase; runs that are under way have their copy. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      Arrays.fill(value, (byte) 0);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns a text without the passphrase.
   *
   * @return always the same
   */
  @Override
  public String toString() {
    return "Secret[hidden]";
  }

  private static void wipe(char[] characters) {
    Arrays.fill(characters, '\0');
  }

  private static boolean contains(byte[] bytes, byte wanted) {
    for (byte b : bytes) {
      if (b == wanted) {
        return true;
      }
    }
    return false;
  }

  private static N0Exception refused() {
    return N0Exception.invalid(
        "secret", "hidden", "must be 1 to " + MOST_BYTES + " bytes of UTF-8 without NUL");
  }
}
