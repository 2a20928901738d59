package io.n0stack.n0core.kvm.guest;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalLong;

/**
 * What has become of a process in the guest. Immutable.
 *
 * @since 0.1
 */
public final class ExecStatus {
  private final boolean exited;
  private final OptionalLong exitCode;
  private final OptionalLong signal;
  private final byte[] output;
  private final byte[] errors;
  private final boolean truncated;

  private ExecStatus(GuestResult result, int most) {
    exited = result.flag("/exited");
    exitCode = result.optNumber("/exitcode");
    signal = result.optNumber("/signal");
    byte[] out = result.bytes("/out-data");
    byte[] err = result.bytes("/err-data");
    output = Arrays.copyOf(out, Math.min(out.length, most));
    errors = Arrays.copyOf(err, Math.min(err.length, most));
    truncated = out.length > most
        || err.length > most
        || result.flagOr("/out-truncated", GuestResult.Choice.NO)
        || result.flagOr("/err-truncated", GuestResult.Choice.NO);
  }

  static ExecStatus from(GuestResult result, int most) {
    return new ExecStatus(result, most);
  }

  /**
   * Tells whether it has ended.
   *
   * @return whether it has
   */
  public boolean exited() {
    return exited;
  }

  /**
   * Returns its exit code.
   *
   * @return the code, empty if it has not ended or was ended by a signal
   */
  public OptionalLong exitCode() {
    return exitCode;
  }

  /**
   * Returns the signal that ended it.
   *
   * @return the signal, empty if there was none
   */
  public OptionalLong signal() {
    return signal;
  }

  /**
   * Returns what it wrote to standard output.
   *
   * @return a copy of the bytes, which the guest chose
   */
  public byte[] output() {
    return output.clone();
  }

  /**
   * Returns what it wrote to standard output as text.
   *
   * @return the text, bytes that are not UTF-8 replaced; not escaped
   */
  public String outputText() {
    return new String(output, StandardCharsets.UTF_8);
  }

  /**
   * Returns what it wrote to standard error.
   *
   * @return a copy of the bytes, which the guest chose
   */
  public byte[] errors() {
    return errors.clone();
  }

  /**
   * Tells whether there was more output.
   *
   * @return whether the agent or the limit cut it off
   */
  public boolean truncated() {
    return truncated;
  }
}
