package io.n0stack.n0core.kvm.qmp;

import java.time.Instant;

/**
 * Something that QEMU reported by itself.
 *
 * @param name its name, such as {@code SHUTDOWN}
 * @param data its data; an empty object if it has none
 * @param at QEMU's clock when it happened
 * @since 0.1
 */
public record QmpEvent(String name, QmpResult data, Instant at) {}
