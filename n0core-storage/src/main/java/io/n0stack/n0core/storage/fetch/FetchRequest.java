package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.URI;
import java.time.Duration;

/**
 * What to fetch, and how long to try.
 *
 * @param uri {@code https}, {@code http} or {@code file}
 * @param rules what the content must be; from a server at least one digest is required
 * @param part what becomes of the bytes received if the transfer does not end well
 * @param timeout for all of it
 * @param idleTimeout for the server to say anything
 * @param retries how often in a row to go on after a lost connection that brought less than 1 MiB
 * @since 0.1
 */
public record FetchRequest(
    URI uri, ContentRules rules, Part part, Duration timeout, Duration idleTimeout, int retries) {
  private static final Duration LONGEST = Duration.ofDays(7);

  /** What becomes of the bytes received if the transfer does not end well. */
  public enum Part {
    /** They are kept, and the next fetch of the same digest into the same directory goes on there. */
    KEEP,
    /** Nothing is left. */
    DISCARD
  }

  /** Checks the address and the limits. */
  public FetchRequest {
    if (!UriRules.isFile(uri)) {
      UriRules.require(uri);
      rules.requireDigest();
    }
    if (part == Part.KEEP && rules.digests().isEmpty()) {
      throw N0Exception.invalid("part", part, "must be DISCARD without a digest of the bytes");
    }
    requireDuration("timeout", timeout);
    requireDuration("idleTimeout", idleTimeout);
    Rules.range("retries", retries, 0, 1000);
  }

  /** Returns a text without what may be a secret: user, query and fragment of the address. */
  @Override
  public String toString() {
    return "FetchRequest[uri=" + UriRules.shown(uri) + ", rules=" + rules + ", part=" + part
        + ", timeout=" + timeout + ", idleTimeout=" + idleTimeout + ", retries=" + retries + "]";
  }

  private static void requireDuration(String field, Duration value) {
    if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(LONGEST) > 0) {
      throw N0Exception.invalid(field, value, "must be 1 ms to 7 days");
    }
  }

  /**
   * Makes a request that keeps nothing, and may take 6 hours, 30 seconds of silence and 5 lost
   * connections.
   *
   * @param uri {@code https}, {@code http} or {@code file}
   * @param rules what the content must be
   * @return the request
   * @throws N0Exception INVALID, naming field and rule
   */
  public static FetchRequest of(URI uri, ContentRules rules) {
    return new FetchRequest(
        uri, rules, Part.DISCARD, Duration.ofHours(6), Duration.ofSeconds(30), 5);
  }

  /**
   * Changes what becomes of the bytes received.
   *
   * @param kept whether they are kept
   * @return a changed copy
   */
  public FetchRequest withPart(Part kept) {
    return new FetchRequest(uri, rules, kept, timeout, idleTimeout, retries);
  }

  /**
   * Changes the times.
   *
   * @param whole for all of it
   * @param idle for the server to say anything
   * @return a changed copy
   */
  public FetchRequest withTimeouts(Duration whole, Duration idle) {
    return new FetchRequest(uri, rules, part, whole, idle, retries);
  }

  /**
   * Changes the number of retries.
   *
   * @param times 0 to 1000
   * @return a changed copy
   */
  public FetchRequest withRetries(int times) {
    return new FetchRequest(uri, rules, part, timeout, idleTimeout, times);
  }

  FetchRequest withRules(ContentRules changed) {
    return new FetchRequest(uri, changed, part, timeout, idleTimeout, retries);
  }
}
