package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;

/**
 * Something that happened to a display's client.
 *
 * @since 0.1
 */
public sealed interface DisplayEvent extends Event {
  /**
   * A client is connected, but not yet logged in.
   *
   * @param server where
   * @param client who
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record VncConnected(DisplayListener server, DisplayClient client, Instant at)
      implements DisplayEvent {
    static VncConnected from(QmpResult data, Instant at) {
      return new VncConnected(
          Read.one(data, "/server", DisplayListener::from),
          Read.one(data, "/client", DisplayClient::from),
          at);
    }
  }

  /**
   * A client is logged in.
   *
   * @param server where
   * @param client who
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record VncInitialized(DisplayListener server, DisplayClient client, Instant at)
      implements DisplayEvent {
    static VncInitialized from(QmpResult data, Instant at) {
      return new VncInitialized(
          Read.one(data, "/server", DisplayListener::from),
          Read.one(data, "/client", DisplayClient::from),
          at);
    }
  }

  /**
   * A client is gone.
   *
   * @param server where
   * @param client who
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record VncDisconnected(DisplayListener server, DisplayClient client, Instant at)
      implements DisplayEvent {
    static VncDisconnected from(QmpResult data, Instant at) {
      return new VncDisconnected(
          Read.one(data, "/server", DisplayListener::from),
          Read.one(data, "/client", DisplayClient::from),
          at);
    }
  }

  /**
   * A client is connected, but not yet logged in.
   *
   * @param server where
   * @param client who
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record SpiceConnected(DisplayListener server, DisplayClient client, Instant at)
      implements DisplayEvent {
    static SpiceConnected from(QmpResult data, Instant at) {
      return new SpiceConnected(
          Read.one(data, "/server", DisplayListener::from),
          Read.one(data, "/client", DisplayClient::from),
          at);
    }
  }

  /**
   * A client is logged in.
   *
   * @param server where
   * @param client who
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record SpiceInitialized(DisplayListener server, DisplayClient client, Instant at)
      implements DisplayEvent {
    static SpiceInitialized from(QmpResult data, Instant at) {
      return new SpiceInitialized(
          Read.one(data, "/server", DisplayListener::from),
          Read.one(data, "/client", DisplayClient::from),
          at);
    }
  }

  /**
   * A client is gone.
   *
   * @param server where
   * @param client who
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record SpiceDisconnected(DisplayListener server, DisplayClient client, Instant at)
      implements DisplayEvent {
    static SpiceDisconnected from(QmpResult data, Instant at) {
      return new SpiceDisconnected(
          Read.one(data, "/server", DisplayListener::from),
          Read.one(data, "/client", DisplayClient::from),
          at);
    }
  }

  /**
   * The clients went along with a migration.
   *
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record SpiceMigrateCompleted(Instant at) implements DisplayEvent {
    static SpiceMigrateCompleted from(QmpResult data, Instant at) {
      return new SpiceMigrateCompleted(at);
    }
  }
}
