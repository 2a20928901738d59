package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Brings images into files of this host: from HTTP servers, files and streams. The bytes are hashed and
 * written while they arrive, into a file of mode 0600 that gets its name, unless there is one of that
 * name, once everything about it is verified. Thread-safe.
 *
 * @since 0.1
 */
public final class ImageFetcher implements AutoCloseable {
  private static final Duration UNLIMITED = Duration.ofDays(365);

  private final ExecutorService executor;
  private final AddressPolicy policy;
  private final Hops.Names names;
  private final Hops.Resolution resolution;
  private final HttpClient.Builder http;
  private @Nullable HttpClient client;

  private ImageFetcher(Builder builder) {
    policy = builder.policy;
    names = builder.names;
    resolution = builder.proxy.isPresent() ? Hops.Resolution.BY_PROXY : Hops.Resolution.HERE;
    executor = Executors.newCachedThreadPool(work -> {
      Thread thread = new Thread(work, "n0core-fetch");
      thread.setDaemon(true);
      return thread;
    });
    http = HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .followRedirects(HttpClient.Redirect.NEVER)
        .executor(executor)
        .proxy(builder.proxy.map(ProxySelector::of).orElse(HttpClient.Builder.NO_PROXY));
    builder.sslContext.ifPresent(http::sslContext);
  }

  /** A client has a thread and descriptors from its first moment, and Java 17 cannot close it. */
  private synchronized HttpClient client() {
    if (client == null) {
      client = http.build();
    }
    return client;
  }

  /**
   * Makes a fetcher with the JVM's trusted certificates, no proxy, and {@link
   * AddressPolicy#PUBLIC_STAYS_PUBLIC}.
   *
   * @return a fetcher
   */
  public static ImageFetcher standard() {
    return builder().build();
  }

  /**
   * Begins a fetcher as {@link #standard()} makes it.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Fetches on this thread, without a listener.
   *
   * @param request what to fetch
   * @param target absolute path of the file to make; its directory must be one that only trusted users
   *     can write to
   * @return what was published
   * @throws N0Exception as for {@link #fetch(FetchRequest, Path, FetchListener)}
   */
  public Fetched fetch(FetchRequest request, Path target) {
    return fetch(request, target, FetchListener.NONE);
  }

  /**
   * Fetches on this thread; interrupting it cancels.
   *
   * @param request what to fetch
   * @param target absolute path of the file to make; its directory must be one that only trusted users
   *     can write to
   * @param listener hears how far it has come, and cancels by throwing
   * @return what was published
   * @throws N0Exception INVALID, naming field, value and rule, for what must not be published or asked
   *     for, a wrong digest among them; ALREADY_EXISTS if there is a target; BUSY if another transfer
   *     has the part; EXHAUSTED if the disk is full; NOT_FOUND or PERMISSION if the server or the host
   *     says so; CANCELLED; otherwise UNAVAILABLE
   */
  public Fetched fetch(FetchRequest request, Path target, FetchListener listener) {
    Patience patience = new Patience(
        "fetch " + Rules.quote(UriRules.shown(request.uri())),
        request.timeout(),
        request.idleTimeout(),
        listener);
    Transfer.Source source = UriRules.isFile(request.uri())
        ? new FileSource(UriRules.file(request.uri()), request.rules().receivable(), patience)
        : new ServerSource(request, target, patience);
    return new Transfer(source, request.rules(), target, patience, executor).run();
  }

  /**
   * Fetches on a thread of its own.
   *
   * @param request what to fetch
   * @param target as for {@link #fetch(FetchRequest, Path, FetchListener)}
   * @param listener called on that thread
   * @return the running fetch
   */
  public FetchJob start(FetchRequest request, Path target, FetchListener listener) {
    String operation = "fetch " + Rules.quote(UriRules.shown(request.uri()));
    return FetchJob.start(operation, () -> fetch(request, target, listener));
  }

  /**
   * Makes a file of what a stream holds, by the same rules. Interrupting this thread cancels once the
   * stream returns from reading.
   *
   * @param in read to its end, not closed
   * @param rules what the content must be; the digests may be left out
   * @param target as for {@link #fetch(FetchRequest, Path, FetchListener)}
   * @param listener hears how far it has come, and cancels by throwing
   * @return what was published
   * @throws N0Exception as for {@link #fetch(FetchRequest, Path, FetchListener)}
   */
  public Fetched importFrom(
      InputStream in, ContentRules rules, Path target, FetchListener listener) {
    Patience patience =
        new Patience("import " + Rules.quote(target.toString()), UNLIMITED, UNLIMITED, listener);
    return new Transfer(new StreamSource(in), rules, target, patience, executor).run();
  }

  /**
   * Unlinks what transfers whose process died have left in a directory, except for parts that were to
   * be kept.
   *
   * @param directory absolute path of a directory of targets
   * @return the number of files
   * @throws N0Exception UNAVAILABLE or PERMISSION if it cannot be looked at or changed
   */
  public static int sweep(Path directory) {
    Rules.absolutePath("directory", directory);
    return FetchFailures.translated("sweep", directory, () -> TemporaryFile.sweep(directory));
  }

  /**
   * Unlinks the parts in a directory that no transfer uses.
   *
   * @param directory absolute path of a directory of targets
   * @param unusedFor how long they must not have been written to
   * @return the number of parts
   * @throws N0Exception UNAVAILABLE or PERMISSION if it cannot be looked at or changed
   */
  public static int sweepParts(Path directory, Duration unusedFor) {
    Rules.absolutePath("directory", directory);
    return FetchFailures.translated("sweep", directory, () -> PartFile.sweep(directory, unusedFor));
  }

  /** Ends the threads and closes idle connections; must not be called while something is fetched. */
  @Override
  public synchronized void close() {
    // Java 21 and later can close a client; before, it ends when nothing refers to it.
    if ((Object) client instanceof AutoCloseable closeable) {
      closeClient(closeable);
    }
    executor.shutdown();
  }

  @SuppressWarnings("IllegalCatch") // AutoCloseable declares it; HttpClient throws none.
  private static void closeClient(AutoCloseable client) {
    try {
      client.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** A file on a server. */
  private final class ServerSource implements Transfer.Source {
    private final FetchRequest request;
    private final Path target;
    private final Patience patience;
    private final HttpWire.Losses losses;

    ServerSource(FetchRequest request, Path target, Patience patience) {
      this.request = request;
      this.target = target;
      this.patience = patience;
      losses = new HttpWire.Losses(request.retries());
    }

    @Override
    public InputStream open(long position, PartRecord.Keeper keeper) {
      losses.begin();
      Hops hops = new Hops(client(), executor, names, policy, resolution, patience);
      return new HttpWire(hops, patience, request, losses, position, keeper);
    }

    @Override
    public Optional<PartFile> part() throws IOException {
      if (request.part() == FetchRequest.Part.DISCARD) {
        return Optional.empty();
      }
      // Whichever of several digests comes first: the name must be the same every time.
      Digest digest = request.rules().digests().stream()
          .min(java.util.Comparator.comparing(Digest::toString))
          .orElseThrow();
      return Optional.of(PartFile.open(target, digest, request.uri().toString()));
    }

    @Override
    public boolean isPieced() {
      return losses.any();
    }
  }

  /** A file of this host. */
  private record FileSource(Path path, long maxBytes, Patience patience)
      implements Transfer.Source {
    @Override
    public InputStream open(long position, PartRecord.Keeper keeper) {
      return FetchFailures.translated("read", path, () -> {
        BasicFileAttributes found =
            Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!found.isRegularFile()) {
          throw N0Exception.invalid(
              "source.uri", path, "must be a regular file, not a link or device");
        }
        if (found.size() > maxBytes) {
          throw new ContentTooLargeException("source.size", String.valueOf(found.size()), maxBytes);
        }
        patience.total(OptionalLong.of(found.size()));
        return Channels.newInputStream(FileChannel.open(
            path, java.util.Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)));
      });
    }

    @Override
    public Optional<PartFile> part() {
      return Optional.empty();
    }

    @Override
    public boolean isPieced() {
      return false;
    }
  }

  /** Somebody's stream, which stays open. */
  private record StreamSource(InputStream in) implements Transfer.Source {
    @Override
    public InputStream open(long position, PartRecord.Keeper keeper) {
      return new java.io.FilterInputStream(in) {
        @Override
        public void close() {
          // Whoever opened it closes it.
        }
      };
    }

    @Override
    public Optional<PartFile> part() {
      return Optional.empty();
    }

    @Override
    public boolean isPieced() {
      return false;
    }
  }

  /**
   * Builds an {@link ImageFetcher}. Single-threaded.
   *
   * @since 0.1
   */
  public static final class Builder {
    private AddressPolicy policy = AddressPolicy.PUBLIC_STAYS_PUBLIC;
    private Optional<SSLContext> sslContext = Optional.empty();
    private Optional<InetSocketAddress> proxy = Optional.empty();
    private Hops.Names names = InetAddress::getAllByName;

    private Builder() {}

    /** Sets who finds the addresses that the policy is about; the client connects to what the JVM finds. */
    Builder names(Hops.Names found) {
      names = found;
      return this;
    }

    /**
     * Says which addresses may be asked.
     *
     * @param addresses the policy
     * @return this
     */
    public Builder addresses(AddressPolicy addresses) {
      policy = addresses;
      return this;
    }

    /**
     * Sets whom to trust, instead of the JVM's certificates.
     *
     * @param context made by the caller
     * @return this
     */
    public Builder sslContext(SSLContext context) {
      sslContext = Optional.of(context);
      return this;
    }

    /**
     * Sets an HTTP proxy for all requests.
     *
     * @param address where it listens
     * @return this
     */
    public Builder proxy(InetSocketAddress address) {
      proxy = Optional.of(address);
      return this;
    }

    /**
     * Ends.
     *
     * @return a fetcher
     */
    public ImageFetcher build() {
      return new ImageFetcher(this);
    }
  }
}
