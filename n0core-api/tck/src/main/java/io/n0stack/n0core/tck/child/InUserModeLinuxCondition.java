package io.n0stack.n0core.tck.child;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Decides for {@link InUserModeLinux}. */
final class InUserModeLinuxCondition implements ExecutionCondition {
  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    try {
      // arch/um/kernel/um_arch.c: show_cpuinfo
      if (Files.readString(Path.of("/proc/cpuinfo")).contains("User Mode Linux")) {
        return ConditionEvaluationResult.enabled("in the guest");
      }
    } catch (IOException e) {
      throw new IllegalStateException("cannot tell whether this is the guest", e);
    }
    throw new IllegalStateException(
        context.getDisplayName() + " runs in a guest of user-mode-linux alone");
  }
}
