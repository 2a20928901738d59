package io.n0stack.n0core.api.compute;

import java.time.Duration;

/**
 * What a migration took.
 *
 * @param total from the first command until the target ran
 * @param downtime how long the guest stood still, from its stop on the source until the target said that it
 *     runs, as seen from the source
 * @param transferredBytes what was sent of its memory
 * @since 0.1
 */
public record MigrationReport(Duration total, Duration downtime, long transferredBytes) {}
