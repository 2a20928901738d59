package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A machine driver's capability: the way to QEMU for whoever works on the disks of running machines.
 *
 * <p>A storage driver finds it by {@code Context.capability("machine", BlockMonitor.class)}. That a
 * machine cannot be asked is never told as "not running": it may be writing to the file all the time.
 *
 * <p>Thread-safe. Nothing is held between two calls; sessions are closed by whoever connected.
 *
 * @since 0.1
 */
public interface BlockMonitor {
  /**
   * Looks whether a running machine has a file open, as the disk itself, below one, or for a job. Changes
   * nothing.
   *
   * <p>QEMU tells the plain path for the node that has the file's bytes; for the one that has its format it
   * may tell JSON text.
   *
   * @param file absolute path of a volume or of any layer of one
   * @param timeout the time allowed for all of it, more than zero
   * @return where it is open; if several have it open, one that may write to it; {@link
   *     BlockUse.Unknown} if a machine that could have it open does not answer
   * @throws N0Exception INVALID for a path that is not absolute; CANCELLED if interrupted
   */
  BlockUse use(Path file, Duration timeout);

  /**
   * Connects to a machine. QEMU may serve few clients at a time, so a session is to be closed when the
   * work is done.
   *
   * @param machine the machine
   * @param timeout the time allowed, more than zero
   * @return a session, which the caller closes
   * @throws N0Exception PRECONDITION if it is proved that the machine is not running; BUSY or UNAVAILABLE
   *     if it cannot be asked, and so may be running; CANCELLED if interrupted
   */
  BlockSession connect(ResourceId machine, Duration timeout);
}
