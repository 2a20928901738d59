package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Finds backing files as QEMU does: {@code path_has_protocol} and {@code path_combine} of block.c. */
final class BackingName {
  private BackingName() {}

  static boolean hasProtocol(String name) {
    int colon = name.indexOf(':');
    int slash = name.indexOf('/');
    return colon >= 0 && (slash < 0 || colon < slash);
  }

  /** Combines the names as text, then lets the kernel say what {@code ..} and linked directories mean. */
  static Path resolve(Path image, String name) {
    try {
      Path combined = name.startsWith("/")
          ? Path.of(name)
          : Path.of(String.valueOf(image.getParent()) + "/" + name);
      if (combined.normalize().equals(combined)) {
        return combined;
      }
      Path directory = combined.getParent();
      Path file = combined.getFileName();
      if (directory == null || file == null) {
        throw N0Exception.invalid("image.backingFile", name, "must be a file");
      }
      return directory.toRealPath().resolve(file);
    } catch (InvalidPathException e) {
      throw N0Exception.invalid("image.backingFile", name, "must be a path");
    } catch (IOException e) {
      throw ImageFiles.failure("find backing file", Path.of(name), e);
    }
  }
}
