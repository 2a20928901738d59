package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * An internal snapshot of an image: a second L1 table in the same file.
 *
 * @param id QEMU's number of it, unique within the image
 * @param name its name; QEMU allows equal ones
 * @param date when it was taken
 * @param vmClock how long the machine had run
 * @param vmStateBytes size of the machine's memory in it, 0 for a snapshot of the disk alone
 * @param diskBytes size of the disk at that time
 * @param icount number of instructions the machine had executed, if it counted
 * @param l1Offset position of its L1 table
 * @param l1Size number of entries of its L1 table
 * @since 0.1
 */
public record Qcow2Snapshot(
    String id,
    String name,
    Instant date,
    Duration vmClock,
    long vmStateBytes,
    long diskBytes,
    OptionalLong icount,
    long l1Offset,
    int l1Size) {

  /**
   * Lists the snapshots of an image. Neither writes nor locks it.
   *
   * @param image absolute path of the image
   * @return the snapshots, in the order of the table, in which they were taken
   * @throws N0Exception as for {@link Qcow2Header#read(Path)}
   */
  public static List<Qcow2Snapshot> list(Path image) {
    try (FileChannel file = ImageFiles.open(image)) {
      return list(file, Qcow2Header.read(file));
    } catch (IOException e) {
      throw ImageFiles.failure("read snapshots of image", image, e);
    }
  }

  static List<Qcow2Snapshot> list(FileChannel file, Qcow2Header header) throws IOException {
    List<Qcow2Snapshot> snapshots = new ArrayList<>();
    new SnapshotReader(file, header).forEach(snapshots::add);
    return List.copyOf(snapshots);
  }
}
