package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageSource;
import java.util.Optional;
import java.util.Set;

/**
 * What content from outside must be for it to be published.
 *
 * @param digests of the bytes as published; all must be met. If they are compressed, of the compressed
 *     bytes
 * @param contentDigests of the content once uncompressed; all must be met
 * @param compression how the bytes are compressed; empty if they are not
 * @param maxBytes the most bytes to receive
 * @param maxContentBytes the most bytes to publish
 * @param maxDecoderBytes the most memory that uncompressing may take
 * @param gate looks at the content
 * @since 0.1
 */
public record ContentRules(
    Set<Digest> digests,
    Set<Digest> contentDigests,
    Optional<ImageSource.Compression> compression,
    long maxBytes,
    long maxContentBytes,
    long maxDecoderBytes,
    ContentGate gate) {
  private static final long STANDARD_BYTES = 64L << 30;
  private static final long STANDARD_CONTENT_BYTES = 1L << 40;
  private static final long STANDARD_DECODER_BYTES = 128L << 20;
  private static final int HEAD_LIMIT = 1 << 20;

  /** Checks the limits. */
  public ContentRules {
    digests = Set.copyOf(digests);
    contentDigests = Set.copyOf(contentDigests);
    Rules.range("maxBytes", maxBytes, 1, Long.MAX_VALUE);
    Rules.range("maxContentBytes", maxContentBytes, 1, Long.MAX_VALUE);
    Rules.range("maxDecoderBytes", maxDecoderBytes, 1 << 16, 1L << 31);
    Rules.range("gate.headBytes", gate.headBytes(), 1, HEAD_LIMIT);
  }

  /**
   * Begins rules: no digest, not compressed, at most 64 GiB received and 1 TiB published, at most 128
   * MiB of memory, everything let through.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Makes the rules for a volume's source, without a gate.
   *
   * @param source the source
   * @return rules with its digest and compression
   */
  public static Builder of(ImageSource.Download source) {
    Builder builder = builder().digest(Digest.parse(source.digest()));
    source.compression().ifPresent(builder::compression);
    return builder;
  }

  /** Refuses content that nobody would verify. */
  void requireDigest() {
    if (digests.isEmpty() && contentDigests.isEmpty()) {
      throw N0Exception.invalid("digests", digests, "must not be empty");
    }
  }

  /** Returns the most bytes to receive: if they are the content, its limit is theirs too. */
  long receivable() {
    return compression.isPresent() ? maxBytes : Math.min(maxBytes, maxContentBytes);
  }

  ContentRules limitedTo(long contentBytes) {
    return new ContentRules(
        digests,
        contentDigests,
        compression,
        maxBytes,
        Math.min(maxContentBytes, contentBytes),
        maxDecoderBytes,
        gate);
  }

  /**
   * Builds {@link ContentRules}. Single-threaded.
   *
   * @since 0.1
   */
  public static final class Builder {
    private Set<Digest> digests = Set.of();
    private Set<Digest> contentDigests = Set.of();
    private Optional<ImageSource.Compression> compression = Optional.empty();
    private long maxBytes = STANDARD_BYTES;
    private long maxContentBytes = STANDARD_CONTENT_BYTES;
    private long maxDecoderBytes = STANDARD_DECODER_BYTES;
    private ContentGate gate = ContentGate.OPEN;

    private Builder() {}

    /**
     * Sets the digests of the bytes as published.
     *
     * @param expected all must be met
     * @return this
     */
    public Builder digest(Digest... expected) {
      digests = Set.of(expected);
      return this;
    }

    /**
     * Sets the digests of the content once uncompressed.
     *
     * @param expected all must be met
     * @return this
     */
    public Builder contentDigest(Digest... expected) {
      contentDigests = Set.of(expected);
      return this;
    }

    /**
     * Says how the bytes are compressed.
     *
     * @param how the container
     * @return this
     */
    public Builder compression(ImageSource.Compression how) {
      compression = Optional.of(how);
      return this;
    }

    /**
     * Limits what is received.
     *
     * @param bytes at least 1
     * @return this
     */
    public Builder maxBytes(long bytes) {
      maxBytes = bytes;
      return this;
    }

    /**
     * Limits what is published.
     *
     * @param bytes at least 1
     * @return this
     */
    public Builder maxContentBytes(long bytes) {
      maxContentBytes = bytes;
      return this;
    }

    /**
     * Limits the memory for uncompressing.
     *
     * @param bytes 64 KiB to 2 GiB
     * @return this
     */
    public Builder maxDecoderBytes(long bytes) {
      maxDecoderBytes = bytes;
      return this;
    }

    /**
     * Sets who looks at the content.
     *
     * @param looks the gate
     * @return this
     */
    public Builder gate(ContentGate looks) {
      gate = looks;
      return this;
    }

    /**
     * Ends.
     *
     * @return the rules
     * @throws N0Exception INVALID, naming the field, for a limit out of range
     */
    public ContentRules build() {
      return new ContentRules(
          digests, contentDigests, compression, maxBytes, maxContentBytes, maxDecoderBytes, gate);
    }
  }
}
