package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Whether this host's kernel lets a process without privileges use io_uring(7). */
final class IoUring {
  /** Where the kernel says so, sysctl/kernel.rst; kernels before 6.6 have no such file and forbid nobody. */
  static final Path SETTING = Path.of("/proc/sys/kernel/io_uring_disabled");

  private IoUring() {}

  static boolean forbidden() {
    return forbidden(SETTING);
  }

  static boolean forbidden(Path setting) {
    try {
      return !Files.readString(setting).strip().equals("0");
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          "disk.tuning.aio",
          "look whether io_uring is allowed in " + setting + ": " + e.getMessage(),
          e);
    }
  }
}
