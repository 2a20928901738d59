package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.regex.Pattern;

/** Asks a server, and those it redirects to, for a file or the rest of it. */
final class Hops {
  private static final Pattern LITERAL = Pattern.compile("[0-9.]+|\\[.*]");
  private static final Set<Integer> REDIRECT = Set.of(301, 302, 303, 307, 308);

  private final HttpClient client;
  private final Executor executor;
  private final Names names;
  private final AddressPolicy policy;
  private final Resolution resolution;
  private final Patience patience;

  /** Finds the addresses of a name. */
  @FunctionalInterface
  interface Names {
    InetAddress[] addresses(String host) throws IOException;
  }

  /** Who finds the addresses of a name. */
  enum Resolution {
    HERE,
    BY_PROXY
  }

  Hops(
      HttpClient client,
      Executor executor,
      Names names,
      AddressPolicy policy,
      Resolution resolution,
      Patience patience) {
    this.resolution = resolution;
    this.client = client;
    this.executor = executor;
    this.names = names;
    this.policy = policy;
    this.patience = patience;
  }

  /**
   * An answer whose body is yet to be read.
   *
   * @param status its code
   * @param headers its fields
   * @param body what follows
   */
  record Reply(int status, HttpHeaders headers, BodyQueue body) {}

  /** Asks for the bytes from a position on, if the file is still the same. */
  Reply open(URI start, long from, Validator version) throws IOException {
    URI uri = start;
    boolean wasPublic = false;
    for (int redirects = 0; ; redirects++) {
      if (policy == AddressPolicy.PUBLIC_ONLY || (redirects > 0 && wasPublic)) {
        requirePublic(uri);
      }
      // Not only afterwards: a server that takes its time may give its name another address until
      // then.
      wasPublic = wasPublic || isToStayPublic(uri);
      Reply reply = send(uri, from, version);
      if (!REDIRECT.contains(reply.status())) {
        return reply;
      }
      reply.body().cancel();
      if (redirects == UriRules.REDIRECTS) {
        throw N0Exception.invalid(
            "source.uri",
            UriRules.shown(start),
            "must not redirect more than " + UriRules.REDIRECTS + " times");
      }
      String location = reply
          .headers()
          .firstValue("location")
          .orElseThrow(() -> new IOException("status " + reply.status() + " without Location"));
      URI next = UriRules.next(uri, location);
      wasPublic = wasPublic || isToStayPublic(uri); // the client has resolved it for itself
      uri = next;
    }
  }

  private Reply send(URI uri, long from, Validator version) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(withoutFragment(uri)).header("Accept-Encoding", "identity");
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-").header("If-Range", version.value());
    }
    CompletableFuture<HttpResponse<BodyQueue>> sent =
        client.sendAsync(request.build(), info -> new BodyQueue());
    boolean answered = false;
    try {
      HttpResponse<BodyQueue> response = patience.await(sent);
      answered = true;
      return new Reply(response.statusCode(), response.headers(), response.body());
    } finally {
      if (!answered) {
        // It may have come just when we gave up; a body that nobody reads holds its connection.
        CompletableFuture<Void> unused = sent.thenAccept(late -> late.body().cancel());
      }
    }
  }

  private static URI withoutFragment(URI uri) {
    String text = uri.toString();
    int fragment = text.indexOf('#');
    return fragment < 0 ? uri : URI.create(text.substring(0, fragment));
  }

  private void requirePublic(URI uri) throws IOException {
    for (InetAddress address : addresses(uri)) {
      if (!AddressRanges.isPublic(address)) {
        throw N0Exception.invalid(
            "source.uri",
            UriRules.shown(uri),
            "must have public addresses only, not " + address.getHostAddress());
      }
    }
  }

  private boolean isToStayPublic(URI uri) throws IOException {
    return policy == AddressPolicy.PUBLIC_STAYS_PUBLIC
        && Arrays.stream(addresses(uri)).anyMatch(AddressRanges::isPublic);
  }

  /**
   * Resolves a host; the client asks the same cache of the JVM when it connects. A proxy resolves names
   * by itself, so that then only literal addresses are known.
   */
  private InetAddress[] addresses(URI uri) throws IOException {
    if (resolution == Resolution.BY_PROXY && !LITERAL.matcher(uri.getHost()).matches()) {
      return new InetAddress[0];
    }
    return patience.await(CompletableFuture.supplyAsync(
        () -> {
          try {
            return names.addresses(uri.getHost());
          } catch (IOException e) {
            throw new CompletionException(
                new IOException("no address for " + uri.getHost() + ": " + e.getMessage(), e));
          }
        },
        executor));
  }
}
