package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What the permission bits of a file allow; access control lists are not looked at.
 *
 * @param uid its owner
 * @param gid its group
 * @param mode its permission bits
 */
record Access(long uid, long gid, int mode) {
  static final int READ = 4;
  static final int READ_WRITE = 6;
  static final int ENTER = 1;

  static Access of(Path file) {
    try {
      return new Access(
          ((Number) Files.getAttribute(file, "unix:uid")).longValue() & 0xFFFF_FFFFL,
          ((Number) Files.getAttribute(file, "unix:gid")).longValue() & 0xFFFF_FFFFL,
          (Integer) Files.getAttribute(file, "unix:mode") & 07777);
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, file.toString(), "look at " + file + ": " + e, e);
    }
  }

  boolean allows(Owner who, int what) {
    int shift = who.uid() == uid ? 6 : who.gid() == gid ? 3 : 0;
    return (mode >> shift & what) == what;
  }

  boolean groupAllows(int what) {
    return (mode >> 3 & what) == what;
  }

  /** Says whether a user may reach and open a file. */
  static boolean reaches(Owner who, Path file, int what) {
    for (Path above = file.getParent(); above != null; above = above.getParent()) {
      if (!of(above).allows(who, ENTER)) {
        return false;
      }
    }
    return of(file).allows(who, what);
  }
}
