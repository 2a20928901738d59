package io.n0stack.n0core.storage.internal;

/** The kernel's numbers, by its names. */
final class Linux {
  // aarch64 has its own values for three of the flags, arch/arm64/include/uapi/asm/fcntl.h
  private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");

  static final int O_RDONLY = 0; // asm-generic/fcntl.h
  static final int O_RDWR = 2;
  static final int O_CREAT = 0x40;
  static final int O_EXCL = 0x80;
  static final int O_NOCTTY = 0x100;
  static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;
  static final int O_DIRECTORY = ARM ? 0x4000 : 0x10000;
  static final int O_NOFOLLOW = ARM ? 0x8000 : 0x20000;

  static final int AT_FDCWD = -100; // linux/fcntl.h
  static final int AT_SYMLINK_NOFOLLOW = 0x100;
  static final int AT_SYMLINK_FOLLOW = 0x400;
  static final int AT_EMPTY_PATH = 0x1000;

  static final int F_OFD_GETLK = 36; // asm-generic/fcntl.h
  static final int F_OFD_SETLK = 37;
  static final short F_RDLCK = 0;
  static final short F_WRLCK = 1;
  static final short F_UNLCK = 2;
  // struct flock of 64 bit: short l_type, short l_whence, off_t l_start, off_t l_len, pid_t l_pid
  static final int FLOCK_BYTES = 32;
  static final int FLOCK_START = 8;
  static final int FLOCK_LENGTH = 16;
  static final int FLOCK_PID = 24;

  static final int SEEK_END = 2; // linux/fs.h
  static final int SEEK_DATA = 3;
  static final int SEEK_HOLE = 4;
  static final long FICLONE = 0x40049409L;
  static final int RENAME_NOREPLACE = 1;
  static final int SYNC_FILE_RANGE_WRITE = 2;

  static final int FALLOC_FL_KEEP_SIZE = 1; // linux/falloc.h
  static final int FALLOC_FL_PUNCH_HOLE = 2;
  static final int FALLOC_FL_ZERO_RANGE = 16;

  // arch/x86/entry/syscalls/syscall_64.tbl; asm-generic/unistd.h
  static final long COPY_FILE_RANGE = ARM ? 285 : 326;

  static final int STATX_BASIC_STATS = 0x7ff; // struct statx, linux/stat.h
  static final int STATX_BYTES = 256;
  static final int STATX_NLINK = 16;
  static final int STATX_MODE = 28;
  static final int STATX_INO = 32;
  static final int STATX_SIZE = 40;
  static final int STATX_BLOCKS = 48;
  static final int STATX_CTIME = 96;
  static final int STATX_MTIME = 112;
  static final int STATX_DEV_MAJOR = 136;
  static final int STATX_DEV_MINOR = 140;
  static final int S_IFMT = 0xf000;
  static final int S_IFREG = 0x8000;
  static final int S_IFBLK = 0x6000;
  static final int S_IFDIR = 0x4000;

  // struct statfs of 64 bit, asm-generic/statfs.h
  static final int STATFS_BYTES = 120;
  static final int STATFS_TYPE = 0;
  static final int STATFS_BSIZE = 8;
  static final int STATFS_BLOCKS = 16;
  static final int STATFS_BFREE = 24;
  static final int STATFS_BAVAIL = 32;
  static final int STATFS_FRSIZE = 72;

  private Linux() {}
}
