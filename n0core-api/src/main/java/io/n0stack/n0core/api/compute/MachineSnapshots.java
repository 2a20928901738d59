package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.List;

/**
 * A compute driver's capability: points in time of a machine, kept in its disks. All calls are idempotent; one
 * that was cut short is brought to an end by the next, or by the driver's {@code apply}.
 *
 * @since 0.1
 */
public interface MachineSnapshots {
  /**
   * Lists the snapshots that are complete.
   *
   * @param machine the machine
   * @return the snapshots in the order in which they were taken
   * @throws N0Exception NOT_FOUND if there is no such machine; UNAVAILABLE if they cannot be read
   */
  List<MachineSnapshot> snapshots(ResourceId machine);

  /**
   * Takes a snapshot of all disks at one moment, and of the memory if that is asked for; the guest goes on as it
   * was. With an agent in the guest that answers, its file systems are frozen for a snapshot of disks. One of that
   * name that exists already is left as it is.
   *
   * @param cx progress, cancellation, deadline; the statuses of the volumes
   * @param machine the machine; memory can be taken only while it runs or is paused
   * @param name a lower-case RFC 1123 label of at most 60 characters
   * @param content what to take
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if its state does not allow it or it
   *     has a disk that holds no snapshots; ALREADY_EXISTS if one of that name holds something else
   */
  void takeSnapshot(Context cx, ResourceId machine, String name, MachineSnapshot.Content content);

  /**
   * Sets the machine back. Later snapshots stay. With its memory, a machine that runs or is paused goes on at the
   * moment of the snapshot, running or paused as it is now; without, it must be off, and stays so.
   *
   * @param cx progress, cancellation, deadline; the statuses of the volumes
   * @param machine the machine
   * @param name the snapshot's name
   * @throws N0Exception NOT_FOUND if there is no such machine or snapshot; PRECONDITION if its state does not
   *     allow it
   */
  void revertToSnapshot(Context cx, ResourceId machine, String name);

  /**
   * Deletes a snapshot. One that does not exist is deleted.
   *
   * @param cx progress, cancellation, deadline; the statuses of the volumes
   * @param machine the machine
   * @param name the snapshot's name
   * @throws N0Exception NOT_FOUND if there is no such machine
   */
  void deleteSnapshot(Context cx, ResourceId machine, String name);
}
