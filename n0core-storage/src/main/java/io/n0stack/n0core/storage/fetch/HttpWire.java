package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.io.InputStream;
import java.net.ProtocolException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a file on a server from a position on. Goes on after lost connections, as long as the
 * server proves that the file is still the same; otherwise throws a {@link StartAnewException}. Throws
 * no other {@link IOException}.
 */
final class HttpWire extends InputStream {
  private static final long PROGRESS = 1 << 20; // enough to forget earlier losses
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  private final Hops hops;
  private final Patience patience;
  private final URI uri;
  private final Losses losses;
  private final long maxBytes;
  private final PartRecord.Keeper keeper;
  private Validator version;
  private long position;
  private long end = Long.MAX_VALUE; // of the range that the present answer holds
  private @Nullable BodyQueue body;
  private boolean finished;

  /** Counts lost connections in a row. One for all beginnings of a transfer. */
  static final class Losses {
    private final int most;
    private int count;
    private long since;
    private boolean any;

    Losses(int most) {
      this.most = most;
    }

    void begin() {
      any = false;
      since = 0;
    }

    boolean any() {
      return any;
    }
  }

  /** Begins at a position; the keeper knows which version the bytes before are of. */
  HttpWire(
      Hops hops,
      Patience patience,
      FetchRequest request,
      Losses losses,
      long position,
      PartRecord.Keeper keeper) {
    this.hops = hops;
    this.patience = patience;
    this.losses = losses;
    this.position = position;
    this.keeper = keeper;
    version = keeper.version();
    uri = request.uri();
    maxBytes = request.rules().receivable();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    while (!finished) {
      try {
        BodyQueue from = body == null ? connect() : body;
        if (finished) {
          return -1;
        }
        Optional<ByteBuffer> bytes = patience.await(from::next);
        if (bytes.isPresent()) {
          return take(bytes.get(), into, offset, length);
        }
        ended();
      } catch (StartAnewException e) {
        throw e;
      } catch (IOException e) {
        lost(e);
      }
    }
    return -1;
  }

  private int take(ByteBuffer bytes, byte[] into, int offset, int length) {
    int count = Math.min(length, bytes.remaining());
    bytes.get(into, offset, count);
    position += count;
    if (position - losses.since >= PROGRESS) {
      losses.count = 0;
    }
    return count;
  }

  /** The end of an answer is the end of the file, or of the range that the server chose to send. */
  private void ended() throws IOException {
    body = null;
    OptionalLong total = version.total();
    finished = total.isPresent()
        ? position >= total.getAsLong()
        : end == Long.MAX_VALUE || position == end;
    if (!finished && position != end) {
      throw new IOException("the body ended after " + position + " bytes");
    }
  }

  private void lost(IOException cause) throws StartAnewException {
    drop();
    if (losses.count >= losses.most
        || cause instanceof ProtocolException
        || cause instanceof SSLException) {
      throw FetchFailures.unavailable(patience.operation(), cause);
    }
    Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(losses.count, 10));
    pause = pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
    losses.count++;
    losses.any = true;
    losses.since = position;
    // Many clients that lost the same server should not come back at the same moment.
    patience.pause(pause.plusMillis(ThreadLocalRandom.current().nextLong(pause.toMillis())));
    if (position > 0 && !version.isPresent()) {
      throw new StartAnewException("the server gives no version to go on with", cause);
    }
  }

  private BodyQueue connect() throws IOException {
    Hops.Reply reply = hops.open(uri, position, version);
    body = reply.body();
    end = Long.MAX_VALUE;
    switch (reply.status()) {
      case 200 -> whole(reply);
      case 206 -> part(reply);
      case 416 -> beyond(reply);
      default -> refuse(reply);
    }
    return reply.body();
  }

  private void whole(Hops.Reply reply) throws IOException {
    if (position > 0) {
      drop();
      throw new StartAnewException("the file has changed, or the server sends no parts");
    }
    OptionalLong total = reply.headers().firstValueAsLong("content-length");
    requireSize(total);
    version = Validator.of(reply.headers(), total);
    keeper.began(version);
    patience.total(total);
  }

  private void part(Hops.Reply reply) throws IOException {
    if (position == 0) {
      throw new ProtocolException("a part that was not asked for");
    }
    Optional<ContentRange> range =
        reply.headers().firstValue("content-range").flatMap(ContentRange::parse);
    if (range.isEmpty()
        || range.get().first() != position
        || version.isContradictedBy(reply.headers(), range.get().total())) {
      drop();
      throw new StartAnewException("the server sent another part than the one asked for");
    }
    requireSize(range.get().total());
    end = range.get().last() + 1;
    if (version.total().isEmpty()) {
      version = new Validator(version.value(), range.get().total());
    }
    patience.total(version.total());
  }

  /** Nothing is left, if the length shows that it is the same file; otherwise it has changed. */
  private void beyond(Hops.Reply reply) throws IOException {
    drop();
    OptionalLong total = reply
        .headers()
        .firstValue("content-range")
        .flatMap(ContentRange::parse)
        .map(ContentRange::total)
        .orElse(OptionalLong.empty());
    if (position == 0) {
      throw new ProtocolException("a range that was not asked for cannot be satisfied");
    }
    if (!total.equals(OptionalLong.of(position))
        || version.isContradictedBy(reply.headers(), total)) {
      throw new StartAnewException("the file has become shorter");
    }
    finished = true;
  }

  private void requireSize(OptionalLong total) {
    if (total.isPresent() && total.getAsLong() > maxBytes) {
      drop();
      throw new ContentTooLargeException(
          "source.size", String.valueOf(total.getAsLong()), maxBytes);
    }
  }

  private void refuse(Hops.Reply reply) throws IOException {
    drop();
    int status = reply.status();
    String answer = "the server answered with status " + status;
    if (status >= 500 || status == 408 || status == 425 || status == 429) {
      throw new IOException(answer);
    }
    N0Exception.Code code = switch (status) {
      case 401, 403, 407, 451 -> N0Exception.Code.PERMISSION;
      case 404, 410 -> N0Exception.Code.NOT_FOUND;
      default -> N0Exception.Code.UNAVAILABLE;
    };
    throw new N0Exception(
        code, Rules.quote(UriRules.shown(uri)), patience.operation() + ": " + answer);
  }

  private void drop() {
    if (body != null) {
      body.cancel();
      body = null;
    }
  }

  @Override
  public void close() {
    drop();
  }
}
