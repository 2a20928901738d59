package io.n0stack.n0core.membership.etcd;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a store on etcd needs to know.
 *
 * @param endpoints the members of the etcd cluster, as {@code http://HOST:PORT} or, with TLS, {@code
 *     https://HOST:PORT}; 1 to 16
 * @param prefix what the keys begin with, such as {@code /n0core}
 * @param deadline how long a call may take in all, 100 ms to 10 min
 * @param tls how the connections are secured, empty for none
 * @since 0.1
 */
public record EtcdConfig(
    List<URI> endpoints, String prefix, Duration deadline, Optional<EtcdTls> tls) {
  private static final Pattern PREFIX = Pattern.compile("(/[A-Za-z0-9._-]{1,63}){1,8}");
  private static final Duration DEADLINE = Duration.ofSeconds(10); // outlives an election
  private static final int MOST_ENDPOINTS = 16;

  /** Checks the parts, and that they fit together. */
  public EtcdConfig {
    endpoints = List.copyOf(endpoints);
    Rules.range("endpoints", endpoints.size(), 1, MOST_ENDPOINTS);
    String scheme = tls.isPresent() ? "https" : "http";
    for (URI endpoint : endpoints) {
      requireEndpoint(endpoint, scheme);
    }
    if (!PREFIX.matcher(prefix).matches()) {
      throw N0Exception.invalid(
          "prefix",
          prefix,
          "must be '/' and a word of letters, digits, '.', '_', '-', 1 to 8 times");
    }
    if (deadline.compareTo(Duration.ofMillis(100)) < 0
        || deadline.compareTo(Duration.ofMinutes(10)) > 0) {
      throw N0Exception.invalid("deadline", deadline, "must be 100 ms to 10 min");
    }
  }

  private static void requireEndpoint(URI endpoint, String scheme) {
    boolean bare = String.valueOf(endpoint.getPath()).isEmpty()
        && endpoint.getQuery() == null
        && endpoint.getUserInfo() == null
        && endpoint.getFragment() == null;
    if (!scheme.equals(endpoint.getScheme())
        || endpoint.getHost() == null
        || endpoint.getPort() < 1
        || endpoint.getPort() > 65535
        || !bare) {
      String rule = "must be " + scheme + "://HOST:PORT "
          + (scheme.equals("https") ? "with TLS" : "without TLS");
      throw N0Exception.invalid("endpoints", endpoint, rule);
    }
  }

  /**
   * Names the members of the etcd cluster; keys begin with {@code /n0core}, calls take at most 10 s.
   *
   * @param endpoints the members, as {@code HOST:PORT}
   * @return a configuration without TLS
   * @throws N0Exception INVALID if one is anything else
   */
  public static EtcdConfig of(String... endpoints) {
    List<URI> uris = uris("http", Arrays.asList(endpoints));
    return new EtcdConfig(uris, "/n0core", DEADLINE, Optional.empty());
  }

  private static List<URI> uris(String scheme, List<String> endpoints) {
    return endpoints.stream().map(endpoint -> uri(scheme, endpoint)).toList();
  }

  private static URI uri(String scheme, String endpoint) {
    try {
      return URI.create(scheme + "://" + endpoint.toLowerCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw N0Exception.invalid("endpoints", endpoint, "must be HOST:PORT");
    }
  }

  /**
   * Sets what the keys begin with.
   *
   * @param text such as {@code /n0core/tokyo}
   * @return a changed copy
   */
  public EtcdConfig withPrefix(String text) {
    return new EtcdConfig(endpoints, text, deadline, tls);
  }

  /**
   * Sets how long a call may take in all.
   *
   * @param limit 100 ms to 10 min; less than an election takes (a few seconds) lets calls fail when a
   *     leader dies
   * @return a changed copy
   */
  public EtcdConfig withDeadline(Duration limit) {
    return new EtcdConfig(endpoints, prefix, limit, tls);
  }

  /**
   * Secures the connections.
   *
   * @param options how
   * @return a changed copy, with the same members
   */
  public EtcdConfig withTls(EtcdTls options) {
    List<String> hosts = endpoints.stream().map(URI::getAuthority).toList();
    return new EtcdConfig(uris("https", hosts), prefix, deadline, Optional.of(options));
  }
}
