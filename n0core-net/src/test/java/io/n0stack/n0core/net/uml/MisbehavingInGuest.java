package io.n0stack.n0core.net.uml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Ends in all the ways there are, for {@link UserModeLinuxIT} to see. */
@InUserModeLinux
@IsolatedNetwork
class MisbehavingInGuest {
  @Test
  void passes() {
    assertThat(System.getProperty("java.io.tmpdir")).isEqualTo("/run/tmp");
  }

  @Test
  void fails() {
    assertThat("in the guest").isEqualTo("on the host");
  }

  @Test
  void aborts() {
    assumeTrue(false, "never");
  }

  @Test
  @Disabled("for a reason")
  void isDisabled() {}

  @Nested
  class Unprepared {
    @BeforeAll
    static void prepare() {
      assertThat("the guest").as("prepared").isEmpty();
    }

    @Test
    void neverRuns() {}
  }
}
