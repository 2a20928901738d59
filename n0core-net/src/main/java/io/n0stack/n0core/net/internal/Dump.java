package io.n0stack.n0core.net.internal;

import java.util.List;

/**
 * What the kernel listed.
 *
 * @param <T> what it lists
 * @param items what was understood, in the kernel's order
 * @param attempts how often it was asked
 * @param consistent whether the last list is one: nothing came or went while it was written
 */
public record Dump<T>(List<T> items, int attempts, boolean consistent) {}
