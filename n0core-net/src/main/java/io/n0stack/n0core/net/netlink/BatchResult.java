package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.OsException;
import java.util.Optional;

/**
 * What became of one change of a batch.
 *
 * @param change what was asked
 * @param failure why the kernel refused it; empty if it is done
 * @since 0.1
 */
public record BatchResult(Change change, Optional<OsException> failure) {}
