package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;

/**
 * A job on a running machine's disk ended with an error, and what it had made has been put away. The
 * volume is as it was before, and can be used on.
 *
 * @since 0.1
 */
public class JobFailedException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final String jobId;
  private final String error;

  /**
   * Creates an exception for a job.
   *
   * @param subject the volume concerned, such as {@code volume "root"}
   * @param jobId the job's id
   * @param error QEMU's text; decides {@link #code()}
   */
  public JobFailedException(String subject, String jobId, String error) {
    super(codeOf(error), subject, "job " + jobId + " on " + subject + ": " + error);
    this.jobId = jobId;
    this.error = error;
  }

  /**
   * Returns which job.
   *
   * @return its id
   */
  public String jobId() {
    return jobId;
  }

  /**
   * Returns QEMU's text.
   *
   * @return a sentence, such as {@code No space left on device}
   */
  public String error() {
    return error;
  }

  private static Code codeOf(String error) {
    if (error.contains("No space left on device") || error.contains("Disk quota exceeded")) {
      return Code.EXHAUSTED;
    }
    if (error.contains("Operation canceled") || error.contains("Operation cancelled")) {
      return Code.CANCELLED;
    }
    if (error.contains("Permission denied")
        || error.contains("Operation not permitted")
        || error.contains("Read-only file system")) {
      return Code.PERMISSION;
    }
    if (error.contains("different sizes")) {
      return Code.PRECONDITION;
    }
    return error.contains("Input/output error") ? Code.UNAVAILABLE : Code.INTERNAL;
  }
}
