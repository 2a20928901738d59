package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Does what a guest could that has got hold of its QEMU: whatever QEMU's user may. */
record Foe(long uid) {
  /** Runs a program as the user, with no group but its own and nothing else. */
  int tries(String... command) throws Exception {
    Process process = start(command);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return process.exitValue();
  }

  /** Runs one that must succeed. */
  void does(String... command) throws Exception {
    Process process = start(command);
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as("%s: %s", List.of(command), said).isZero();
  }

  /** Starts one that stays. */
  Process start(String... command) throws IOException {
    List<String> all = new ArrayList<>(
        List.of("setpriv", "--reuid=" + uid, "--regid=" + uid, "--clear-groups", "--no-new-privs"));
    all.addAll(List.of(command));
    return new ProcessBuilder(all).redirectErrorStream(true).start();
  }
}
