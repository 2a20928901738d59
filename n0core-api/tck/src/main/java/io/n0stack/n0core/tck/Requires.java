package io.n0stack.n0core.tck;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks a test that needs something of the machine. Without it the test is skipped, saying so; but
 * if the environment variable {@code N0CORE_REQUIRE} names it, as in {@code root,qemu}, the test fails.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresCondition.class)
public @interface Requires {
  /**
   * Names what is needed.
   *
   * @return one or more requirements
   */
  Requirement[] value();
}
