package io.n0stack.n0core.storage.qemuimg;

import java.util.OptionalLong;

/**
 * How much space a new image would take.
 *
 * @param requiredBytes the size of its file at first
 * @param fullyAllocatedBytes the size of its file when a guest has written all of it
 * @param bitmapsBytes what the source's persistent bitmaps would take besides, if it has any to copy
 * @since 0.1
 */
public record Measurement(
    long requiredBytes, long fullyAllocatedBytes, OptionalLong bitmapsBytes) {}
