package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.qemuimg.ForeignImage.Format;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What an image of a stranger must be before even a locked-up {@code qemu-img} looks at it. */
final class ForeignGate {
  private static final int HEAD_BYTES = 512;
  // VMDK4Header in block/vmdk.c, behind the magic.
  private static final int VMDK_CAPACITY = 12;
  private static final int VMDK_DESCRIPTOR = 28;
  private static final int DESCRIPTOR_BYTES = 20 * 512; // DESC_SIZE
  private static final int VDI_SIGNATURE = 64;
  private static final int VDI_MAGIC = 0xbeda107f;
  private static final int MODE_OTHERS_READ = 4;
  private static final int MODE_OWNER_READ = 0400;
  private static final Pattern CREATE_TYPE = Pattern.compile("createType\\s*=\\s*\"([^\"\\n]*)\"");

  private ForeignGate() {}

  static void require(ForeignImage image, long user) {
    try {
      requireReadable(image.path(), user);
      ByteBuffer head = head(image.path());
      boolean right = switch (image.format()) {
        case VMDK -> starts(head, "KDMV");
        case VDI -> head.limit() >= HEAD_BYTES && head.getInt(VDI_SIGNATURE) == VDI_MAGIC;
        case VHDX -> starts(head, "vhdxfile");
        case QCOW2 -> starts(head, "QFI\u00fb");
      };
      if (!right) {
        throw N0Exception.invalid(
            "source", image.path(), "must begin as an image of format " + image.format() + " does");
      }
      if (image.format() == Format.VMDK) {
        requireOneFile(image.path(), head);
      }
    } catch (NoSuchFileException e) {
      throw failure(N0Exception.Code.NOT_FOUND, image, "no such file", e);
    } catch (IOException e) {
      throw failure(N0Exception.Code.UNAVAILABLE, image, String.valueOf(e.getMessage()), e);
    }
  }

  private static N0Exception failure(
      N0Exception.Code code, ForeignImage image, String reason, IOException cause) {
    String subject = "inspect " + Rules.quote(image.path().toString());
    return new N0Exception(code, subject, subject + ": " + reason, cause);
  }

  private static void requireReadable(Path path, long user) throws IOException {
    Map<String, Object> attributes =
        Files.readAttributes(path, "unix:mode,uid", LinkOption.NOFOLLOW_LINKS);
    if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
      throw N0Exception.invalid("source", path, "must be a regular file");
    }
    int mode = (Integer) attributes.getOrDefault("mode", 0);
    boolean owner =
        Long.valueOf(user).equals(((Number) attributes.getOrDefault("uid", -1)).longValue());
    if ((mode & (owner ? MODE_OWNER_READ : MODE_OTHERS_READ)) == 0) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          path.toString(),
          "open " + Rules.quote(path.toString()) + ": user " + user
              + " must have the right to read it; keep others out by its directory");
    }
  }

  /** Else the text in it could name other files, which QEMU would open. */
  private static void requireOneFile(Path path, ByteBuffer head) throws IOException {
    String text =
        new String(read(path, HEAD_BYTES, DESCRIPTOR_BYTES).array(), StandardCharsets.ISO_8859_1);
    Matcher type = CREATE_TYPE.matcher(text);
    boolean one = head.limit() == HEAD_BYTES
        && head.getLong(VMDK_CAPACITY) > 0
        && head.getLong(VMDK_DESCRIPTOR) == 1
        && type.find()
        && (type.group(1).equals("monolithicSparse") || type.group(1).equals("streamOptimized"))
        && !type.find()
        && text.indexOf("createType") == text.lastIndexOf("createType")
        && !text.contains("parentFileNameHint");
    if (!one) {
      throw N0Exception.invalid(
          "source",
          path,
          "must be a vmdk image in one file: monolithicSparse or streamOptimized, without parent");
    }
  }

  private static boolean starts(ByteBuffer head, String magic) {
    byte[] expected = magic.getBytes(StandardCharsets.ISO_8859_1);
    return head.limit() >= expected.length
        && head.slice(0, expected.length).equals(ByteBuffer.wrap(expected));
  }

  private static ByteBuffer head(Path path) throws IOException {
    return read(path, 0, HEAD_BYTES);
  }

  private static ByteBuffer read(Path path, long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel file =
        FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      int n = 0;
      while (n >= 0 && buffer.hasRemaining()) {
        n = file.read(buffer, position + buffer.position());
      }
    }
    return buffer.flip();
  }
}
