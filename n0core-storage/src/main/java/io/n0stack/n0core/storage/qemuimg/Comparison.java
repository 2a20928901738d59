package io.n0stack.n0core.storage.qemuimg;

import java.util.OptionalLong;

/**
 * Whether a guest sees the same in two images. Where one is longer, zeros count as equal.
 *
 * @param verdict whether it does
 * @param offset where the first difference is, if there is one
 * @since 0.1
 */
public record Comparison(Verdict verdict, OptionalLong offset) {
  /** Whether a guest sees the same. */
  public enum Verdict {
    /** It does. */
    SAME,
    /** It does not. */
    DIFFERENT
  }
}
