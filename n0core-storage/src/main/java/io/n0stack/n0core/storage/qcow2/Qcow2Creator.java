package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Makes qcow2 images without QEMU, laid out as QEMU would. Only the metadata of an image without data is ever
 * written: header, reference counts and the end of the L1 table, in at most four writes. The rest of the file
 * is a hole, so that an image takes four blocks of the file system or little more whatever its size.
 *
 * <p>Thread-safe; holds nothing.
 *
 * @since 0.1
 */
public final class Qcow2Creator {
  private static final int FEW_BYTES = 16 << 10; // which are written at once, holes and all
  private static final Set<OpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(
          Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE));

  private Qcow2Creator() {}

  /**
   * Writes an image into an empty file. The header goes last: until it is there, the file is not a qcow2
   * image. Nothing is synced, and the file's position stays: whoever opened the file syncs it, and gives it
   * its name only then, if the image is to survive a crash of the host.
   *
   * @param file an empty file, open for writing, not for appending
   * @param options how the image is made
   * @throws N0Exception INVALID for a file that is not empty; PRECONDITION if it is written by
   *     someone else meanwhile, or open for appending
   * @throws IOException if the file cannot be written, as when the file system is full; then it holds a part
   *     of an image or none
   */
  public static void write(FileChannel file, Qcow2Options options) throws IOException {
    long length = file.size();
    if (length != 0) {
      throw N0Exception.invalid("file.length", length, "must be 0, for a hole must read as zeros");
    }
    CreationLayout layout = new CreationLayout(options);
    if (layout.fileBytes() <= FEW_BYTES) {
      writeTogether(file, layout);
    } else {
      writeApart(file, layout);
    }
    ImageWrites.write(file, HeaderWriter.bytes(options, layout), 0);
    if (file.size() != layout.fileBytes()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          "file.length",
          "write image: the file has " + file.size() + " bytes instead of " + layout.fileBytes()
              + ": it is open for appending, or someone else writes it");
    }
  }

  private static void writeTogether(FileChannel file, CreationLayout layout) throws IOException {
    int start = (int) layout.tableOffset();
    ByteBuffer rest = ByteBuffer.allocate((int) layout.fileBytes() - start);
    rest.put(layout.table());
    rest.position((int) layout.blocksOffset() - start).put(layout.refcounts());
    ImageWrites.write(file, rest.clear(), start);
  }

  private static void writeApart(FileChannel file, CreationLayout layout) throws IOException {
    ImageWrites.write(file, layout.table(), layout.tableOffset());
    ImageWrites.write(file, layout.refcounts(), layout.blocksOffset());
    ByteBuffer end = ByteBuffer.allocate(L1Tables.ENTRY_BYTES);
    ImageWrites.write(file, end, layout.fileBytes() - end.limit());
  }

  /**
   * Makes a file with mode 0600 and writes an image into it. A symbolic link in the place of the file is not
   * followed, and nothing is synced. If writing fails, the file is deleted again.
   *
   * @param image absolute, normal path of the file, where nothing may be
   * @param options how the image is made
   * @throws N0Exception INVALID for a path that is not absolute and normal, or that the options name
   *     as backing file; ALREADY_EXISTS, NOT_FOUND (the directory), PERMISSION, EXHAUSTED (the file system
   *     is full) or UNAVAILABLE if the file cannot be made or written
   */
  public static void create(Path image, Qcow2Options options) {
    Rules.absolutePath("image", image);
    if (options.backing().filter(backing -> backing.file().equals(image)).isPresent()) {
      throw N0Exception.invalid("backing.file", image, "must not be the image itself");
    }
    try (FileChannel file = FileChannel.open(image, NEW, PRIVATE)) {
      writeOrDelete(image, file, options);
    } catch (IOException e) {
      throw ImageFiles.failure("create image", image, e);
    }
  }

  private static void writeOrDelete(Path image, FileChannel file, Qcow2Options options)
      throws IOException {
    try {
      write(file, options);
    } catch (IOException | N0Exception e) {
      try {
        Files.deleteIfExists(image);
      } catch (IOException left) {
        e.addSuppressed(left);
      }
      throw e;
    }
  }
}
