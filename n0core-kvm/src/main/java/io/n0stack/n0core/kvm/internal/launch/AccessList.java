package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.LibC;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/**
 * Lets a user into a file of somebody else by an entry of its own in the file's access control list: owner,
 * group and other permissions stay as they are. See acl(5).
 */
public final class AccessList {
  private static final String ACCESS = "system.posix_acl_access";
  private static final String DEFAULT = "system.posix_acl_default";
  // struct posix_acl_xattr_header and _entry, linux/posix_acl_xattr.h
  private static final int VERSION = 2;
  private static final int HEADER_BYTES = 4;
  private static final int ENTRY_BYTES = 8;
  private static final int LONGEST = 65_536;
  // linux/posix_acl.h
  private static final int USER_OBJ = 0x01;
  private static final int USER = 0x02;
  private static final int GROUP_OBJ = 0x04;
  private static final int GROUP = 0x08;
  private static final int MASK = 0x10;
  private static final int OTHER = 0x20;
  private static final int UNDEFINED_ID = -1;

  private record Key(int tag, int id) implements Comparable<Key> {
    @Override
    public int compareTo(Key other) {
      int byTag = Integer.compare(tag, other.tag);
      return byTag != 0 ? byTag : Integer.compareUnsigned(id, other.id);
    }
  }

  private final TreeMap<Key, Integer> entries = new TreeMap<>();

  private AccessList() {}

  /**
   * Lets a user read and change a file.
   *
   * @param file the file
   * @param who the user
   */
  public static void allowWriting(Path file, Owner who) {
    allow(file, ACCESS, who, 6);
  }

  /**
   * Lets a user read a file.
   *
   * @param file the file
   * @param who the user
   */
  public static void allowReading(Path file, Owner who) {
    allow(file, ACCESS, who, 4);
  }

  /**
   * Lets a user into the directories above a file, as far up as need be.
   *
   * @param file the file
   * @param who the user
   */
  public static void allowReaching(Path file, Owner who) {
    shutAbove(file, who).forEach(above -> allow(above, ACCESS, who, 1));
  }

  /**
   * Lists the directories above a file whose permission bits do not let a user through.
   *
   * @param file the file
   * @param who the user
   * @return the directories
   */
  public static List<Path> shutAbove(Path file, Owner who) {
    List<Path> shut = new ArrayList<>();
    for (Path above = file.getParent(); above != null; above = above.getParent()) {
      if (!Access.of(above).allows(who, Access.ENTER)) {
        shut.add(above);
      }
    }
    return shut;
  }

  /**
   * Lets a user read and change the files that will be made in a directory, such as the overlays of
   * snapshots.
   *
   * @param directory the directory
   * @param who the user
   */
  public static void allowWritingFuture(Path directory, Owner who) {
    allow(directory, DEFAULT, who, 6);
  }

  /**
   * Takes back what a user was allowed; does nothing where it was nothing or the file is gone.
   *
   * @param file the file or directory
   * @param who the user
   */
  public static void deny(Path file, Owner who) {
    for (String attribute : List.of(ACCESS, DEFAULT)) {
      try {
        AccessList list = read(file, attribute);
        if (list.entries.remove(new Key(USER, (int) who.uid())) != null) {
          list.widenMask();
          list.write(file, attribute);
        }
      } catch (N0Exception e) {
        if (Files.exists(file)) {
          throw e;
        }
      }
    }
  }

  private static void allow(Path file, String attribute, Owner who, int permissions) {
    AccessList list = read(file, attribute);
    Key key = new Key(USER, (int) who.uid());
    list.dropMasked();
    int had = list.entries.getOrDefault(key, 0);
    if ((had & permissions) != permissions) {
      list.entries.put(key, had | permissions);
      list.widenMask();
      list.write(file, attribute);
    }
  }

  private static AccessList read(Path file, String attribute) {
    byte[] value = new byte[LONGEST];
    long length = LibC.INSTANCE.getxattr(bytes(file.toString()), bytes(attribute), value, LONGEST);
    AccessList list = new AccessList();
    if (length < 0) {
      int errno = LastError.getLastError(Runtime.getSystemRuntime());
      if (errno != Errno.ENODATA.intValue()) {
        throw failure("read", file, errno);
      }
      list.minimal(Access.of(file).mode());
      return list;
    }
    ByteBuffer in = ByteBuffer.wrap(value, 0, (int) length).order(ByteOrder.LITTLE_ENDIAN);
    in.position(HEADER_BYTES);
    while (in.remaining() >= ENTRY_BYTES) {
      int tag = in.getShort();
      int permissions = in.getShort();
      list.entries.put(new Key(tag, in.getInt()), permissions);
    }
    return list;
  }

  private void minimal(int mode) {
    entries.put(new Key(USER_OBJ, UNDEFINED_ID), mode >> 6 & 7);
    entries.put(new Key(GROUP_OBJ, UNDEFINED_ID), mode >> 3 & 7);
    entries.put(new Key(OTHER, UNDEFINED_ID), mode & 7);
  }

  /** A file that was made with few permissions has more in its inherited list than its mask lets through. */
  private void dropMasked() {
    int mask = entries.getOrDefault(new Key(MASK, UNDEFINED_ID), 7);
    entries.replaceAll((key, permissions) -> limited(key.tag()) ? permissions & mask : permissions);
  }

  private static boolean limited(int tag) {
    return tag == USER || tag == GROUP || tag == GROUP_OBJ;
  }

  /** The mask limits all but owner and others; it is what group permissions are shown as. */
  private void widenMask() {
    int mask = 0;
    for (Map.Entry<Key, Integer> entry : entries.entrySet()) {
      if (limited(entry.getKey().tag())) {
        mask |= entry.getValue();
      }
    }
    entries.put(new Key(MASK, UNDEFINED_ID), mask);
  }

  private void write(Path file, String attribute) {
    ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + entries.size() * ENTRY_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(VERSION);
    entries.forEach((key, permissions) ->
        out.putShort((short) key.tag()).putShort((short) (int) permissions).putInt(key.id()));
    int result = LibC.INSTANCE.setxattr(
        bytes(file.toString()), bytes(attribute), out.array(), out.capacity(), 0);
    if (result < 0) {
      throw failure("change", file, LastError.getLastError(Runtime.getSystemRuntime()));
    }
  }

  private static byte[] bytes(String text) {
    return (text + "\0").getBytes(StandardCharsets.UTF_8);
  }

  private static N0Exception failure(String what, Path file, int number) {
    Errno errno = Errno.valueOf(number);
    boolean lacks = errno == Errno.EOPNOTSUPP || errno == Errno.ENOTSUP;
    return new N0Exception(
        lacks ? N0Exception.Code.UNSUPPORTED : N0Exception.Code.UNAVAILABLE,
        file.toString(),
        what + " the access control list of " + file + ": " + errno.description() + " ("
            + errno.name() + ")"
            + (lacks ? "; with kvm.user or kvm.uid-range its file system must have them" : ""));
  }
}
