package io.n0stack.n0core.tck.child;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks a test class that runs in a guest which {@link UserModeLinux} boots. Anywhere else it fails, so that
 * it cannot be missed. Give it a name that surefire and failsafe do not look for.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(InUserModeLinuxCondition.class)
public @interface InUserModeLinux {}
