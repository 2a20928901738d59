package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;

/**
 * A storage driver's capability: points in time of a volume kept as files of their own, one on the other.
 * Taking one costs the same whatever the volume holds, and a machine may be running meanwhile.
 *
 * @since 0.1
 */
public interface ExternalSnapshots {
  /**
   * Lists a volume's external snapshots.
   *
   * @param volume the volume
   * @return names in the order they were taken
   * @throws N0Exception NOT_FOUND if there is no such volume; UNAVAILABLE if it cannot be read
   */
  List<String> externalSnapshots(ResourceId volume);

  /**
   * Freezes what the volume holds and goes on in a new layer. A snapshot of that name that exists already
   * is left as it is. The path of the volume changes.
   *
   * @param cx progress, cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @param snapshot a lower-case RFC 1123 label
   * @throws N0Exception BUSY if the volume is in use by what cannot be asked to change over
   */
  void createExternalSnapshot(Context cx, ResourceId volume, String snapshot);

  /**
   * Throws away what was written since a snapshot. The snapshot stays, later ones go.
   *
   * @param cx progress, cancellation, deadline
   * @param volume the volume
   * @param snapshot its name
   * @throws N0Exception NOT_FOUND if there is no such snapshot; BUSY if the volume is in use
   */
  void revertToExternalSnapshot(Context cx, ResourceId volume, String snapshot);

  /**
   * Deletes a snapshot by joining the layer above it into it; the volume's content stays. One that does
   * not exist is deleted.
   *
   * @param cx progress, cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @param snapshot its name
   * @throws N0Exception BUSY if the volume is in use by what cannot be asked to change over
   */
  void deleteExternalSnapshot(Context cx, ResourceId volume, String snapshot);
}
