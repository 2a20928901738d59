package io.n0stack.n0core.net;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Runs each test method, and what a factory makes, on a thread of its own in a network namespace of
 * its own, which goes with the thread.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(IsolatedNetworkExtension.class)
public @interface IsolatedNetwork {}
