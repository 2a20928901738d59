package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * An image.
 *
 * @param filename its file
 * @param format its format
 * @param virtualBytes the size that the guest sees
 * @param actualBytes the space that it takes
 * @param clusterBytes its clusters' size
 * @param dirty whether it was not closed cleanly
 * @param encrypted whether it is encrypted
 * @param compressed whether it has compressed clusters
 * @param backingFilename its backing file as it names it
 * @param fullBackingFilename its backing file's path
 * @param backingFilenameFormat its backing file's format
 * @param snapshots the snapshots inside it
 * @param backingImage its backing file
 * @param formatSpecific what only this format has
 * @since 0.1
 */
public record ImageInfo(
    String filename,
    String format,
    long virtualBytes,
    OptionalLong actualBytes,
    OptionalLong clusterBytes,
    Optional<Boolean> dirty,
    Optional<Boolean> encrypted,
    Optional<Boolean> compressed,
    Optional<String> backingFilename,
    Optional<String> fullBackingFilename,
    Optional<String> backingFilenameFormat,
    List<ImageSnapshot> snapshots,
    Optional<ImageInfo> backingImage,
    Optional<QmpResult> formatSpecific) {
  /** Copies the lists. */
  public ImageInfo {
    snapshots = List.copyOf(snapshots);
  }

  static ImageInfo from(QmpResult result) {
    return new ImageInfo(
        result.text("/filename"),
        result.text("/format"),
        result.number("/virtual-size"),
        Read.optNumber(result, "/actual-size"),
        Read.optNumber(result, "/cluster-size"),
        Read.optFlag(result, "/dirty-flag"),
        Read.optFlag(result, "/encrypted"),
        Read.optFlag(result, "/compressed"),
        Read.optText(result, "/backing-filename"),
        Read.optText(result, "/full-backing-filename"),
        Read.optText(result, "/backing-filename-format"),
        Read.optList(result, "/snapshots", ImageSnapshot::from),
        Read.optOne(result, "/backing-image", ImageInfo::from),
        Read.optPart(result, "/format-specific"));
  }
}
