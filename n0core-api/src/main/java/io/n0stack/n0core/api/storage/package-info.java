/** Volumes and images: specs, statuses, driver and capabilities. */
@NullMarked
package io.n0stack.n0core.api.storage;

import org.jspecify.annotations.NullMarked;
