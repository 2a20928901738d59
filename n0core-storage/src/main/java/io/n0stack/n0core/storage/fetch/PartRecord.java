package io.n0stack.n0core.storage.fetch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What must be known of a part to go on with it: the address it is from, and its version there.
 *
 * @param uri the address
 * @param version the version
 */
record PartRecord(String uri, Validator version) {
  private static final int LONGEST = 16 << 10;
  private static final Pattern SYNTAX =
      Pattern.compile("n0core part 1\nuri (\\S+)\nversion (.+)\ntotal (\\d{1,18}|-)\n");

  /** Knows the version of the bytes that a transfer goes on from, and keeps that of a new one. */
  interface Keeper {
    Validator version();

    /** Hears of the version of what is about to arrive from its first byte on. */
    void began(Validator version);
  }

  String encode() {
    String total = version.total().isPresent() ? Long.toString(version.total().getAsLong()) : "-";
    return "n0core part 1\nuri " + uri + "\nversion " + version.value() + "\ntotal " + total + "\n";
  }

  /** Decodes a record; empty for whatever this class has not written. */
  static Optional<PartRecord> decode(String text) {
    Matcher matcher = SYNTAX.matcher(text);
    if (text.length() > LONGEST || !matcher.matches() || !Validator.isUsable(matcher.group(2))) {
      return Optional.empty();
    }
    OptionalLong total = matcher.group(3).equals("-")
        ? OptionalLong.empty()
        : OptionalLong.of(Long.parseLong(matcher.group(3)));
    return Optional.of(new PartRecord(matcher.group(1), new Validator(matcher.group(2), total)));
  }

  void write(Path file) throws IOException {
    try (TemporaryFile temporary = TemporaryFile.create(file)) {
      byte[] bytes = encode().getBytes(StandardCharsets.US_ASCII);
      TemporaryFile.write(temporary.channel(), ByteBuffer.wrap(bytes), 0);
      Files.move(temporary.path(), file, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  static Optional<PartRecord> read(Path file) throws IOException {
    try (FileChannel in =
        FileChannel.open(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
      ByteBuffer bytes = TemporaryFile.read(in, LONGEST + 1);
      return decode(StandardCharsets.US_ASCII.decode(bytes).toString());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }
}
