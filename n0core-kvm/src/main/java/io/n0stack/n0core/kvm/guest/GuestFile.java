package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An open file in the guest. What every command may throw is said at {@link GuestAgent}; after any
 * error but a refusal the place in the file is unknown.
 *
 * @since 0.1
 */
public final class GuestFile implements AutoCloseable {
  private static final int MOST = 16 << 20;

  private final GuestAgent agent;
  private final long handle;
  private final AtomicBoolean closed = new AtomicBoolean();

  GuestFile(GuestAgent agent, long handle) {
    this.agent = agent;
    this.handle = handle;
  }

  /**
   * Reads from the present place.
   *
   * @param mostBytes the most to read, 1 to 16 MiB
   * @return what was read, empty at the end
   * @throws N0Exception INTERNAL if the guest sends more
   */
  public byte[] read(int mostBytes) {
    Rules.range("mostBytes", mostBytes, 1, MOST);
    byte[] read = agent
        .execute("guest-file-read", Map.of("handle", handle, "count", mostBytes))
        .bytes("/buf-b64");
    if (read.length > mostBytes) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          agent.subject(),
          "read a file by " + agent.subject() + ": more bytes came than were asked for");
    }
    return read;
  }

  /**
   * Writes all at the present place.
   *
   * @param content what to write
   */
  public void write(byte[] content) {
    int done = 0;
    while (done < content.length) {
      int end = Math.min(content.length, done + GuestFiles.CHUNK);
      byte[] part = Arrays.copyOfRange(content, done, end);
      long count = agent
          .execute(
              "guest-file-write",
              Map.of("handle", handle, "buf-b64", Base64.getEncoder().encodeToString(part)))
          .number("/count");
      if (count < 1 || count > part.length) {
        throw new N0Exception(
            N0Exception.Code.INTERNAL,
            agent.subject(),
            "write a file by " + agent.subject() + ": " + count + " of " + part.length
                + " bytes were taken");
      }
      done += (int) count;
    }
  }

  /**
   * Goes to another place.
   *
   * @param offset the place, counted from the start
   */
  public void seek(long offset) {
    Rules.range("offset", offset, 0, Long.MAX_VALUE);
    agent.execute("guest-file-seek", Map.of("handle", handle, "offset", offset, "whence", "set"));
  }

  /** Hands what was written over to the guest's system. */
  public void flush() {
    agent.execute("guest-file-flush", Map.of("handle", handle));
  }

  /** Closes the file. Idempotent. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      agent.execute("guest-file-close", Map.of("handle", handle));
    }
  }
}
