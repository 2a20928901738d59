package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;

/** Brings content into a file that nobody sees before it is verified. */
final class Transfer {
  private static final int CHUNK = 256 << 10;
  private static final int RESTARTS = 2;
  private static final Duration RESTART_PAUSE = Duration.ofMillis(100);

  private final Source source;
  private final ContentRules rules;
  private final Path target;
  private final Patience patience;
  private final Executor flusher;
  private boolean judging;

  Transfer(Source source, ContentRules rules, Path target, Patience patience, Executor flusher) {
    this.flusher = flusher;
    this.source = source;
    this.rules = rules;
    this.target = Rules.absolutePath("target", target);
    this.patience = patience;
  }

  /** Where the bytes come from. */
  interface Source {
    /** Opens the bytes from a position on, at which only a source with a part is asked to begin. */
    InputStream open(long position, PartRecord.Keeper keeper) throws IOException;

    /** Opens the part of an earlier transfer. */
    Optional<PartFile> part() throws IOException;

    /** Tells whether the bytes were not received in one go, so that pieces may not fit. */
    boolean isPieced();
  }

  /** A file that is being filled, and which part of it is there already. */
  private record Content(Path path, FileChannel file, long there) {}

  Fetched run() {
    requireFree();
    return FetchFailures.translated("write", target, () -> {
      Optional<PartFile> part = source.part();
      if (part.isEmpty()) {
        return attempts(part);
      }
      try (PartFile open = part.get()) {
        return keeping(open);
      }
    });
  }

  private void requireFree() {
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          target.toString(),
          "write " + Rules.quote(target.toString()) + ": exists already");
    }
  }

  private Fetched keeping(PartFile part) throws IOException {
    boolean invalid = false;
    boolean done = false;
    try {
      Fetched fetched = attempts(Optional.of(part));
      done = true;
      return fetched;
    } catch (N0Exception e) {
      invalid = e.code() == N0Exception.Code.INVALID;
      throw e;
    } finally {
      if (done || invalid || judging) {
        part.discard();
      }
    }
  }

  private Fetched attempts(Optional<PartFile> part) throws IOException {
    for (int attempt = 0; ; attempt++) {
      try {
        return attempt(part);
      } catch (StartAnewException e) {
        if (attempt == RESTARTS) {
          throw FetchFailures.unavailable(patience.operation(), e);
        }
        if (part.isPresent()) {
          part.get().reset();
        }
        patience.pause(RESTART_PAUSE);
      }
    }
  }

  private Fetched attempt(Optional<PartFile> part) throws IOException {
    if (part.isPresent() && rules.compression().isEmpty()) {
      PartFile file = part.get();
      return fill(part, new Content(file.path(), file.channel(), file.channel().size()));
    }
    try (TemporaryFile file = TemporaryFile.create(target)) {
      return fill(part, new Content(file.path(), file.channel(), 0));
    }
  }

  private Fetched fill(Optional<PartFile> part, Content content) throws IOException {
    boolean plain = rules.compression().isEmpty();
    Hasher received = new Hasher(algorithms(plain));
    Hasher hashed = plain ? received : new Hasher(algorithms(true));
    long partBytes = part.isPresent() ? part.get().channel().size() : 0;
    PartRecord.Keeper keeper = part.isPresent() ? part.get() : new Forgetful();
    try (InputStream opened = source.open(partBytes, keeper);
        WireInput wire = new WireInput(
            opened,
            part,
            plain ? WireInput.Use.CONTENT : WireInput.Use.COMPRESSED,
            rules.receivable(),
            received,
            patience)) {
      SparseFile file = new SparseFile(content.path(), content.file(), flusher);
      long size = copy(wire, plain ? Optional.empty() : Optional.of(hashed), file, content);
      patience.tell();
      Set<Digest> digests = received.digests();
      Set<Digest> contentDigests = plain ? digests : hashed.digests();
      requireDigests(rules.digests(), digests, "source.digest", wire);
      requireDigests(rules.contentDigests(), contentDigests, "source.contentDigest", wire);
      publish(file, content, size);
      return new Fetched(target, size, wire.position(), wire.partBytes(), digests, contentDigests);
    }
  }

  /** For bytes that are not kept: no version before, and none to remember. */
  private static final class Forgetful implements PartRecord.Keeper {
    @Override
    public Validator version() {
      return Validator.NONE;
    }

    @Override
    public void began(Validator version) {}
  }

  private Set<Digest.Algorithm> algorithms(boolean ofContent) {
    Set<Digest.Algorithm> algorithms = EnumSet.of(Digest.Algorithm.SHA256);
    boolean plain = rules.compression().isEmpty();
    if (plain || !ofContent) {
      rules.digests().forEach(digest -> algorithms.add(digest.algorithm()));
    }
    if (ofContent) {
      rules.contentDigests().forEach(digest -> algorithms.add(digest.algorithm()));
    }
    return algorithms;
  }

  private long copy(WireInput wire, Optional<Hasher> hasher, SparseFile file, Content content)
      throws StartAnewException {
    byte[] chunk = new byte[CHUNK];
    Head head = new Head(content.path());
    long size = 0;
    try (InputStream in = Decoders.open(rules, wire)) {
      while (true) {
        patience.beat();
        int n = in.readNBytes(chunk, 0, head.wanted(size));
        if (n == 0) {
          break;
        }
        if (size + n > rules.maxContentBytes()) {
          throw new ContentTooLargeException(
              "source.contentSize",
              "more than " + rules.maxContentBytes(),
              rules.maxContentBytes());
        }
        int length = n;
        hasher.ifPresent(hash -> hash.update(chunk, 0, length));
        if (size + n > content.there()) {
          write(file, chunk, n, size);
        }
        size += n;
        head.add(chunk, n);
      }
      requireEnd(wire);
    } catch (StartAnewException e) {
      throw e;
    } catch (IOException e) {
      throw N0Exception.invalid(
          "source.compression", rules.compression().orElseThrow(), "must be so: " + reason(e));
    }
    head.show();
    return size;
  }

  private static String reason(IOException cause) {
    String name = cause.getClass().getSimpleName();
    return cause.getMessage() == null ? name : name + ", " + cause.getMessage();
  }

  private void requireEnd(WireInput wire) throws IOException {
    if (wire.read() >= 0) {
      throw new IOException("bytes behind the end");
    }
  }

  private void write(SparseFile file, byte[] bytes, int length, long position) {
    FetchFailures.translated("write", target, () -> {
      file.write(bytes, length, position);
      return length;
    });
  }

  /** Collects the beginning of the content until the gate may see it. */
  private final class Head {
    private final Path partial;
    private final byte[] bytes = new byte[rules.gate().headBytes()];
    private int length;
    private boolean shown;

    Head(Path partial) {
      this.partial = partial;
    }

    /** Returns how much to read: no more than the gate waits for, then whole blocks. */
    int wanted(long position) {
      return shown
          ? CHUNK - (int) (position % SparseFile.BLOCK)
          : Math.min(CHUNK, bytes.length - length);
    }

    void add(byte[] chunk, int count) {
      int more = Math.min(count, bytes.length - length);
      System.arraycopy(chunk, 0, bytes, length, more);
      length += more;
      if (length == bytes.length) {
        show();
      }
    }

    void show() {
      if (!shown) {
        shown = true;
        judged(
            () -> rules.gate().head(ByteBuffer.wrap(bytes, 0, length).asReadOnlyBuffer(), partial));
      }
    }
  }

  /** Remembers that a judgement was not passed, whatever the gate threw. */
  private void judged(Runnable judgement) {
    judging = true;
    judgement.run();
    judging = false;
  }

  private void requireDigests(Set<Digest> expected, Set<Digest> found, String field, WireInput wire)
      throws StartAnewException {
    Optional<Digest> missing = Hasher.missing(expected, found);
    if (missing.isEmpty()) {
      return;
    }
    String rule = "must be that of the bytes, which have "
        + found.stream()
            .filter(digest -> digest.algorithm() == missing.get().algorithm())
            .map(Digest::toString)
            .collect(Collectors.joining());
    if (source.isPieced() || wire.partBytes() > 0) {
      throw new StartAnewException(field + " " + rule);
    }
    throw N0Exception.invalid(field, missing.get(), rule);
  }

  private void publish(SparseFile file, Content content, long size) throws IOException {
    file.finish(size);
    judged(() -> rules.gate().complete(content.path()));
    TemporaryFile.publish(content.path(), target);
  }
}
