package io.n0stack.n0core.kvm.internal.record;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The present run of the host's kernel, which no process outlives. */
public final class Boot {
  private static final Path FILE = Path.of("/proc/sys/kernel/random/boot_id"); // random(4)

  private static volatile @Nullable String known;

  private Boot() {}

  /**
   * Returns what names it.
   *
   * @return the id, the same for as long as this process lives
   * @throws io.n0stack.n0core.api.N0Exception UNAVAILABLE if it cannot be read
   */
  public static String id() {
    String id = known;
    if (id == null) {
      try {
        id = Files.readString(FILE).strip();
      } catch (IOException e) {
        throw DurableFiles.failure("host", "read " + FILE, e);
      }
      known = id;
    }
    return id;
  }
}
