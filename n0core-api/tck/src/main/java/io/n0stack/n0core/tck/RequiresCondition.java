package io.n0stack.n0core.tck;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/** Decides for {@link Requires}. */
final class RequiresCondition implements ExecutionCondition {
  @Override
  public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
    Optional<Requires> requires =
        context.getElement().flatMap(e -> AnnotationSupport.findAnnotation(e, Requires.class));
    if (requires.isEmpty()) {
      return ConditionEvaluationResult.enabled("requires nothing");
    }
    String promised = Optional.ofNullable(System.getenv("N0CORE_REQUIRE")).orElse("");
    for (Requirement requirement : requires.get().value()) {
      String name = requirement.name().toLowerCase(Locale.ROOT);
      if (!requirement.met()) {
        if (List.of(promised.split(",")).contains(name)) {
          throw new IllegalStateException(
              "N0CORE_REQUIRE promises " + name + ", but this machine lacks it");
        }
        return ConditionEvaluationResult.disabled("needs " + name);
      }
    }
    return ConditionEvaluationResult.enabled("all requirements are met");
  }
}
