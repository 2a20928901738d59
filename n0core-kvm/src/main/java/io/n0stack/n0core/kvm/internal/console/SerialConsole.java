package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.channels.ByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** The serial consoles that this process has open: one connection per launch, for any number of readers. */
public final class SerialConsole {
  private final Map<Path, SerialHub> hubs = new HashMap<>();

  /** Creates an empty collection. */
  public SerialConsole() {}

  /**
   * Connects to a launch's first serial port.
   *
   * @param id the machine
   * @param run the launch
   * @param replayBytes how much is wanted of what the guest wrote before
   * @param limit the time allowed
   * @return a blocking channel, which the caller closes
   * @throws io.n0stack.n0core.api.N0Exception UNAVAILABLE if it does not accept a connection
   */
  public ByteChannel open(ResourceId id, Run run, long replayBytes, Duration limit) {
    synchronized (hubs) {
      hubs.values().removeIf(SerialHub::ended);
      SerialHub hub = hubs.get(run.directory());
      if (hub == null || !hub.join()) {
        hub = new SerialHub(
            id, UnixChannels.open("open the console", id, run.serial(), limit), run.serialLog());
        hubs.put(run.directory(), hub);
      }
      return new SerialReader(hub, run.serialLog(), replayBytes);
    }
  }
}
