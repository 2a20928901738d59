package io.n0stack.n0core.kvm.guest;

import java.util.Optional;

/**
 * A file system as the guest sees it; not to be trusted.
 *
 * @param name its device
 * @param mountPoint where it is mounted
 * @param type its type
 * @param usedBytes what it holds, empty if the agent does not tell
 * @param totalBytes what it can hold, empty if the agent does not tell
 * @since 0.1
 */
public record FileSystem(
    String name,
    String mountPoint,
    String type,
    Optional<Long> usedBytes,
    Optional<Long> totalBytes) {
  static FileSystem from(GuestResult result) {
    return new FileSystem(
        result.text("/name"),
        result.text("/mountpoint"),
        result.text("/type"),
        result.find("/used-bytes").map(part -> part.number("")),
        result.find("/total-bytes").map(part -> part.number("")));
  }
}
