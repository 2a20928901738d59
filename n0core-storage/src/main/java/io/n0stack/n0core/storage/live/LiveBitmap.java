package io.n0stack.n0core.storage.live;

/**
 * A dirty bitmap: a record of what has been written to a node.
 *
 * @param name its name, without n0core's stamp
 * @param granularityBytes how much one bit stands for
 * @param dirtyBytes how much is marked
 * @param recording whether writes are being marked
 * @param persistent whether it is written into the image when QEMU ends in order
 * @param busy whether a job or an export is using it, so that nothing else may
 * @param inconsistent whether QEMU died with it open: it can only be removed
 * @since 0.1
 */
public record LiveBitmap(
    String name,
    long granularityBytes,
    long dirtyBytes,
    boolean recording,
    boolean persistent,
    boolean busy,
    boolean inconsistent) {}
