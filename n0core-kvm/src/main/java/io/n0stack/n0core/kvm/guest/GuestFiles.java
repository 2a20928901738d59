package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.ByteArrayOutputStream;
import java.util.Map;

/**
 * Files in the guest, through an agent that usually may do anything there. Thread-safe. What every
 * command may throw is said at {@link GuestAgent}.
 *
 * @since 0.1
 */
public final class GuestFiles {
  static final int CHUNK = 1 << 16;

  private final GuestAgent agent;

  GuestFiles(GuestAgent agent) {
    this.agent = agent;
  }

  /** How a file is opened. */
  public enum Mode {
    /** To be read. */
    READ("r"),
    /** To be written from the start; it is emptied or created. */
    WRITE("w"),
    /** To be written behind its end; it is created if need be. */
    APPEND("a"),
    /** To be read and written. */
    UPDATE("r+");

    private final String text;

    Mode(String text) {
      this.text = text;
    }
  }

  /**
   * Opens a file. One that is not closed stays open until the agent ends.
   *
   * @param path the file
   * @param mode how
   * @return the file, which the caller closes
   */
  public GuestFile open(String path, Mode mode) {
    GuestResult handle = agent.execute("guest-file-open", Map.of("path", path, "mode", mode.text));
    return new GuestFile(agent, handle.number(""));
  }

  /**
   * Reads a whole file.
   *
   * @param path the file
   * @param mostBytes the most to read
   * @return its content
   * @throws N0Exception EXHAUSTED if it is longer
   */
  public byte[] read(String path, int mostBytes) {
    Rules.range("mostBytes", mostBytes, 0, Integer.MAX_VALUE - 1);
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    try (GuestFile file = open(path, Mode.READ)) {
      while (true) {
        byte[] part = file.read(CHUNK);
        if (part.length == 0) {
          return content.toByteArray();
        }
        content.writeBytes(part);
        if (content.size() > mostBytes) {
          throw new N0Exception(
              N0Exception.Code.EXHAUSTED,
              agent.subject(),
              "read " + Rules.quote(path) + " by " + agent.subject() + ": longer than " + mostBytes
                  + " bytes");
        }
      }
    }
  }

  /**
   * Writes a whole file, from its start; it is emptied or created before.
   *
   * @param path the file
   * @param content its content
   */
  public void write(String path, byte[] content) {
    try (GuestFile file = open(path, Mode.WRITE)) {
      file.write(content);
      file.flush();
    }
  }
}
