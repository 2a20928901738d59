package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;

/** What the kernel, or we before it, say no to. */
final class Refused {
  private Refused() {}

  /** The kernel refuses, by an error number and the code that follows from it. */
  static void byKernel(Runnable call, N0Exception.Code code, String errno) {
    assertThatThrownBy(call::run).isInstanceOfSatisfying(NetlinkException.class, e -> {
      assertThat(e.errnoName()).as(e.getMessage()).isEqualTo(errno);
      assertThat(e.code()).isEqualTo(code);
    });
  }

  /** We refuse before anything is asked, and name the field. */
  static void byUs(Runnable call, String field) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> {
          assertThat(e).isNotInstanceOf(NetlinkException.class);
          assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
        })
        .hasMessageContaining(field);
  }
}
