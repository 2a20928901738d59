package io.n0stack.n0core.net.uml;

import io.n0stack.n0core.net.IsolatedNetwork;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks a test class, whose name ends in {@code Uml}, that {@link UserModeLinuxIT} runs in a
 * user-mode-linux guest, each method in a network namespace of its own. Anywhere else it fails.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@IsolatedNetwork
@ExtendWith(InUserModeLinuxCondition.class)
public @interface InUserModeLinux {}
