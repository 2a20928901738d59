package io.n0stack.n0core.storage.qemuimg;

import java.time.Instant;

/**
 * A snapshot inside a qcow2 image.
 *
 * @param id its number, as a text
 * @param name its name; not always unique, and anything if the image is a stranger's
 * @param created when it was made
 * @param vmStateBytes how much of a guest's memory it holds
 * @since 0.1
 */
public record InternalSnapshot(String id, String name, Instant created, long vmStateBytes) {}
