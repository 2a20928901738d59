package io.n0stack.n0core.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Checks that something is refused, and how. */
public final class Refusal {
  private Refusal() {}

  public static N0Exception of(N0Exception.Code code, ThrowingCallable call) {
    N0Exception refusal = catchThrowableOfType(N0Exception.class, call);
    assertThat(refusal).as("nothing was refused").isNotNull();
    assertThat(refusal.code()).as(refusal.toString()).isEqualTo(code);
    return refusal;
  }

  /** A refused value is named with its field and the rule it breaks. */
  public static void invalid(String field, Object value, String rule, ThrowingCallable call) {
    N0Exception refusal = of(N0Exception.Code.INVALID, call);
    assertThat(refusal.subject()).isEqualTo(field);
    assertThat(refusal)
        .hasMessageStartingWith(
            "invalid " + field + " " + Rules.quote(String.valueOf(value)) + ": ")
        .hasMessageContaining(rule);
  }
}
