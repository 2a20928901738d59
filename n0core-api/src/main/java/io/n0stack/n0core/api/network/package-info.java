/** Networks and ports: specs, statuses and drivers. */
@NullMarked
package io.n0stack.n0core.api.network;

import org.jspecify.annotations.NullMarked;
