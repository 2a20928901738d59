package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.channels.ByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The serial consoles that this process has open: one connection per launch, for any number of readers. */
public final class SerialConsole {
  /** A launch's place, at which one thread at a time connects, while others may at other places. */
  private static final class Place {
    private int users;
    private @Nullable SerialHub hub;
  }

  private final Map<Path, Place> places = new HashMap<>();

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
    Place place = enter(run.directory());
    try {
      synchronized (place) {
        SerialHub hub = place.hub;
        if (hub == null || !hub.join()) {
          hub = new SerialHub(
              id, UnixChannels.open("open the console", id, run.serial(), limit), run.serialLog());
          place.hub = hub;
        }
        return new SerialReader(hub, run.serialLog(), replayBytes);
      }
    } finally {
      leave(place);
    }
  }

  private Place enter(Path launch) {
    synchronized (places) {
      places.values().removeIf(p -> p.users == 0 && (p.hub == null || p.hub.ended()));
      Place place = places.computeIfAbsent(launch, unused -> new Place());
      place.users++;
      return place;
    }
  }

  private void leave(Place place) {
    synchronized (places) {
      place.users--;
    }
  }
}
