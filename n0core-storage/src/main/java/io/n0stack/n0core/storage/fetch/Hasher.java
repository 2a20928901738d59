package io.n0stack.n0core.storage.fetch;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Hashes bytes by several functions at once. */
final class Hasher {
  private final Map<Digest.Algorithm, MessageDigest> functions =
      new EnumMap<>(Digest.Algorithm.class);

  Hasher(Collection<Digest.Algorithm> algorithms) {
    for (Digest.Algorithm algorithm : EnumSet.copyOf(algorithms)) {
      try {
        functions.put(algorithm, MessageDigest.getInstance(algorithm.javaName()));
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java platform has " + algorithm.javaName(), e);
      }
    }
  }

  void update(byte[] bytes, int offset, int length) {
    functions.values().forEach(function -> function.update(bytes, offset, length));
  }

  /** Ends the hashing. */
  Set<Digest> digests() {
    return functions.entrySet().stream()
        .map(entry -> Digest.of(entry.getKey(), entry.getValue().digest()))
        .collect(Collectors.toUnmodifiableSet());
  }

  /** Finds an expected digest that was not met. */
  static Optional<Digest> missing(Set<Digest> expected, Set<Digest> found) {
    return expected.stream().filter(digest -> !found.contains(digest)).findFirst();
  }
}
