package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;

/**
 * A storage driver's capability: points in time of a volume that no machine is using.
 *
 * @since 0.1
 */
public interface Snapshots {
  /**
   * Lists a volume's snapshots.
   *
   * @param volume the volume
   * @return names in the order they were taken
   * @throws N0Exception NOT_FOUND if there is no such volume; UNAVAILABLE if it cannot be read
   */
  List<String> snapshots(ResourceId volume);

  /**
   * Takes a snapshot. A snapshot of that name that exists already is left as it is.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param snapshot a lower-case RFC 1123 label
   * @throws N0Exception BUSY if the volume is in use
   */
  void createSnapshot(Context cx, ResourceId volume, String snapshot);

  /**
   * Sets the volume's content back to a snapshot.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param snapshot its name
   * @throws N0Exception NOT_FOUND if there is no such snapshot; BUSY if the volume is in use
   */
  void revertToSnapshot(Context cx, ResourceId volume, String snapshot);

  /**
   * Deletes a snapshot. One that does not exist is deleted.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param snapshot its name
   * @throws N0Exception BUSY if the volume is in use
   */
  void deleteSnapshot(Context cx, ResourceId volume, String snapshot);
}
