package io.n0stack.n0core.api.compute;

import java.util.Optional;
import java.util.UUID;

/**
 * Where the target of a migration waits for a machine.
 *
 * @param token what names this attempt; whoever knows it can have the target take over
 * @param memory where the memory goes
 * @param disks where the disks go, by NBD, each export named as its volume; empty if they are shared
 * @since 0.1
 */
public record MigrationTerms(
    UUID token, MigrationAddress memory, Optional<MigrationAddress> disks) {}
