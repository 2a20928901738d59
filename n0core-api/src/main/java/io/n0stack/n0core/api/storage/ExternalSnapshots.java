package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;
import java.util.Set;

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
   * Says what a guest finds that is set back to a snapshot.
   *
   * @param volume the volume
   * @param snapshot its name
   * @return what was known when it was taken; CRASH for one that was finished after a crash
   * @throws N0Exception NOT_FOUND if there is no such volume or snapshot; UNAVAILABLE if it cannot be read
   */
  default SnapshotConsistency consistency(ResourceId volume, String snapshot) {
    throw new UnsupportedOperationException("consistency of external snapshots");
  }

  /**
   * Keeps what the volume holds and goes on in a new layer. A snapshot of that name that exists already
   * is left as it is. The path of the volume changes. If a machine is running on it and an agent in its
   * guest answers, the guest's file systems are frozen for that moment; see {@link #consistency}.
   *
   * @param cx progress, cancellation, deadline; the way to a running machine
   * @param volume the volume
   * @param snapshot a lower-case RFC 1123 label
   * @throws N0Exception BUSY if the volume is in use by what cannot be asked to change over
   */
  void createExternalSnapshot(Context cx, ResourceId volume, String snapshot);

  /**
   * The same for several volumes that one running machine has, at one point in time: for all of them or for
   * none. If all have a snapshot of that name already, nothing is done. Of what was cut short and did not
   * come about nothing is left once each volume is applied or used again. The volumes of a machine that is off
   * do not change meanwhile: take them one by one.
   *
   * <p>While it goes on, other work on any of the volumes is refused as BUSY.
   *
   * @param cx progress, cancellation, deadline; the way to the running machine
   * @param volumes 1 to 64 volumes
   * @param snapshot a lower-case RFC 1123 label
   * @throws N0Exception ALREADY_EXISTS if some of them have a snapshot of that name and others have not;
   *     PRECONDITION if one is not in use by a running machine, or they are in use by several; BUSY if one is
   *     in use by what cannot be asked to change over, or is being worked on. In each case the volumes are
   *     as they were
   */
  default void createExternalSnapshots(Context cx, Set<ResourceId> volumes, String snapshot) {
    throw new UnsupportedOperationException("external snapshots of several volumes");
  }

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
