package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.Rules;
import java.util.Set;

/**
 * What one QEMU process can do.
 *
 * @param major first part of its version
 * @param minor second part of its version
 * @param micro third part of its version
 * @param commands the QMP commands that it knows, as {@code query-commands} tells
 * @since 0.1
 */
public record QemuCapabilities(int major, int minor, int micro, Set<String> commands) {
  /** Checks the version and copies the commands. */
  public QemuCapabilities {
    Rules.range("major", major, 0, Integer.MAX_VALUE);
    Rules.range("minor", minor, 0, Integer.MAX_VALUE);
    Rules.range("micro", micro, 0, Integer.MAX_VALUE);
    commands = Set.copyOf(commands);
  }

  /**
   * Compares the version.
   *
   * @param leastMajor first part
   * @param leastMinor second part
   * @return whether it is that version or a later one
   */
  public boolean atLeast(int leastMajor, int leastMinor) {
    return major > leastMajor || (major == leastMajor && minor >= leastMinor);
  }
}
