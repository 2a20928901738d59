package io.n0stack.n0core.storage.qemuimg;

/**
 * What a check of an image's structure found.
 *
 * @param verdict all in one word
 * @param corruptions how many errors can lose data
 * @param leaks how many clusters are allocated for nothing
 * @param checkErrors how often the check itself failed
 * @param corruptionsFixed how many corruptions were repaired
 * @param leaksFixed how many leaks were repaired
 * @since 0.1
 */
public record CheckResult(
    Verdict verdict,
    long corruptions,
    long leaks,
    long checkErrors,
    long corruptionsFixed,
    long leaksFixed) {
  /** All in one word. */
  public enum Verdict {
    /** Nothing is wrong. */
    CLEAN,
    /** Space is wasted; no data is in danger. */
    LEAKS,
    /** Data is lost or will be if the image is written to. */
    CORRUPT,
    /** Parts could not be looked at, so nothing is known about them. */
    INCOMPLETE,
    /** The format has nothing to check. */
    NOT_SUPPORTED
  }
}
