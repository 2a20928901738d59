package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;

/**
 * A node of the block graph.
 *
 * @param name its name
 * @param file its file
 * @param readOnly whether it cannot be written
 * @param driver its driver
 * @param backingDepth how many backing files are below it
 * @param encrypted whether it is encrypted
 * @param detectZeroes what is done when the guest writes zeroes
 * @param image its image
 * @param throttleGroup the group whose limits it shares
 * @param writeback whether writes may be cached
 * @param direct whether the host's cache is bypassed
 * @param noFlush whether flushes are ignored
 * @param writeThreshold the offset whose crossing is reported, 0 for none
 * @param dirtyBitmaps its bitmaps
 * @since 0.1
 */
public record BlockNode(
    Optional<String> name,
    String file,
    boolean readOnly,
    String driver,
    long backingDepth,
    boolean encrypted,
    Term<DetectZeroes> detectZeroes,
    ImageInfo image,
    Optional<String> throttleGroup,
    boolean writeback,
    boolean direct,
    boolean noFlush,
    long writeThreshold,
    List<DirtyBitmap> dirtyBitmaps) {
  /** Copies the lists. */
  public BlockNode {
    dirtyBitmaps = List.copyOf(dirtyBitmaps);
  }

  static BlockNode from(QmpResult result) {
    return new BlockNode(
        Read.optText(result, "/node-name"),
        result.text("/file"),
        result.flag("/ro"),
        result.text("/drv"),
        result.number("/backing_file_depth"),
        result.flag("/encrypted"),
        Read.term(DetectZeroes.class, result, "/detect_zeroes"),
        Read.one(result, "/image", ImageInfo::from),
        Read.optText(result, "/group"),
        result.flag("/cache/writeback"),
        result.flag("/cache/direct"),
        result.flag("/cache/no-flush"),
        result.number("/write_threshold"),
        Read.optList(result, "/dirty-bitmaps", DirtyBitmap::from));
  }
}
