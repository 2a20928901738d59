package io.n0stack.n0core.api.store;

/**
 * A record as it was read.
 *
 * @param key its key
 * @param value its content
 * @param revision its revision, more than 0
 * @since 0.1
 */
public record Versioned(String key, String value, long revision) {}
