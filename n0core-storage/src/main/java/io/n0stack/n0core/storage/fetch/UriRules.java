package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Locale;

/** Says which addresses may be asked, and where one may send us. */
final class UriRules {
  static final int REDIRECTS = 5;
  private static final String FIELD = "source.uri";
  private static final int LONGEST = 8192;

  private UriRules() {}

  static boolean isFile(URI uri) {
    return "file".equals(scheme(uri));
  }

  /** Turns a {@code file:} address without a host, query or fragment into a path. */
  static Path file(URI uri) {
    if (uri.getRawPath() == null
        || uri.getRawAuthority() != null
        || uri.getRawQuery() != null
        || uri.getRawFragment() != null) {
      throw N0Exception.invalid(
          FIELD, shown(uri), "must be file: and an absolute path, without query");
    }
    try {
      return Rules.absolutePath(FIELD, Path.of(uri));
    } catch (IllegalArgumentException e) {
      throw N0Exception.invalid(
          FIELD, shown(uri), "must be file: and an absolute path, without query");
    }
  }

  static URI require(URI uri) {
    String scheme = scheme(uri);
    if (!scheme.equals("http") && !scheme.equals("https")) {
      throw N0Exception.invalid(FIELD, shown(uri), "must be http or https");
    }
    if (uri.getHost() == null || uri.getHost().isEmpty()) {
      throw N0Exception.invalid(FIELD, shown(uri), "must have a host");
    }
    if (uri.getRawUserInfo() != null || uri.getRawAuthority().indexOf('@') >= 0) {
      throw N0Exception.invalid(FIELD, shown(uri), "must not have a user");
    }
    if (uri.getPort() == 0 || uri.getPort() > 0xffff) {
      throw N0Exception.invalid(FIELD, shown(uri), "must have a port of 1 to 65535");
    }
    if (uri.toString().length() > LONGEST) {
      throw N0Exception.invalid(FIELD, shown(uri), "must be at most " + LONGEST + " characters");
    }
    return uri;
  }

  /** Follows one redirect; what the server says is checked like any address, and never for less. */
  static URI next(URI from, String location) {
    if (location.length() > LONGEST) {
      throw N0Exception.invalid(
          FIELD, shown(location), "must be at most " + LONGEST + " characters, as a redirect");
    }
    URI next;
    try {
      next = from.resolve(new URI(location));
    } catch (URISyntaxException | IllegalArgumentException e) {
      throw N0Exception.invalid(
          FIELD, shown(location), "must be an address, as a redirect from " + shown(from));
    }
    require(next);
    if (scheme(from).equals("https") && !scheme(next).equals("https")) {
      throw N0Exception.invalid(
          FIELD, shown(next), "must stay https, as a redirect from " + shown(from));
    }
    return next;
  }

  private static String scheme(URI uri) {
    return uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
  }

  /** Takes out what a log or message must not hold: user, query and fragment may be secrets. */
  static String shown(URI uri) {
    return shown(uri.toString());
  }

  /** Takes the same out of what may be no address. */
  private static String shown(String text) {
    int end = text.length();
    for (char mark : new char[] {'?', '#'}) {
      int at = text.indexOf(mark);
      end = at < 0 ? end : Math.min(end, at);
    }
    return text.substring(0, end).replaceFirst("//[^/]*@", "//...@");
  }
}
