package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Most agents run on the class path; those on the module path must find and run the drivers, too. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ModulePathIT {
  @Test
  void theDriversWorkAsNamedModules() throws Exception {
    Process process = new ProcessBuilder(
            "unshare",
            "--net",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--module-path",
            Path.of("target/lib").toAbsolutePath().toString(),
            "--add-modules",
            "io.n0stack.n0core.net,io.n0stack.n0core.kvm,io.n0stack.n0core.storage,io.n0stack.n0core.agent",
            "-cp",
            Path.of("target/test-classes").toAbsolutePath().toString(),
            OnModulePath.class.getName())
        .redirectErrorStream(true)
        .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(output)
        .contains("machine io.n0stack.n0core.kvm HEALTHY")
        .contains("network io.n0stack.n0core.net HEALTHY")
        .contains("port io.n0stack.n0core.net HEALTHY")
        .contains("volume io.n0stack.n0core.storage HEALTHY");
    assertThat(process.exitValue()).as(output).isZero();
  }
}
