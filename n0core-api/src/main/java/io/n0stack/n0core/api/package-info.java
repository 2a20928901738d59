/** What every contract shares: the {@link io.n0stack.n0core.api.N0Exception} family, field rules, subscriptions. */
@NullMarked
package io.n0stack.n0core.api;

import org.jspecify.annotations.NullMarked;
