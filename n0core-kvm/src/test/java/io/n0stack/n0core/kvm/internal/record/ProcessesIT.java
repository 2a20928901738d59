package io.n0stack.n0core.kvm.internal.record;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.child.ChildJvm;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

@Requires(Requirement.ROOT)
class ProcessesIT {
  @Test
  void aProcessThatCannotBeSeenIsNotTakenForDead() throws Exception {
    Process child = new ProcessBuilder(
            "unshare",
            "--mount",
            ChildJvm.java().toString(),
            "-cp",
            ChildJvm.classPath(),
            HiddenProcesses.class.getName())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(child.waitFor()).isZero();
    assertThat(said.lines()).containsExactly("before true", "covered true", "after unseen");
  }
}
