package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Optional;

/**
 * Something that happened to a device.
 *
 * @since 0.1
 */
public sealed interface DeviceEvent extends Event {
  /**
   * A device is gone. Some devices report their inner part first, without an id.
   *
   * @param device its id
   * @param path its object
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record DeviceDeleted(Optional<String> device, String path, Instant at)
      implements DeviceEvent {
    static DeviceDeleted from(QmpResult data, Instant at) {
      return new DeviceDeleted(Read.optText(data, "/device"), data.text("/path"), at);
    }
  }

  /**
   * The guest did not let go of a device.
   *
   * @param device its id
   * @param path its object
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record DeviceUnplugGuestError(Optional<String> device, String path, Instant at)
      implements DeviceEvent {
    static DeviceUnplugGuestError from(QmpResult data, Instant at) {
      return new DeviceUnplugGuestError(Read.optText(data, "/device"), data.text("/path"), at);
    }
  }

  /**
   * A tray was opened or closed.
   *
   * @param device the device's name in the back end, possibly empty
   * @param id the device's id or object path
   * @param open whether it is open now
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record DeviceTrayMoved(String device, String id, boolean open, Instant at)
      implements DeviceEvent {
    static DeviceTrayMoved from(QmpResult data, Instant at) {
      return new DeviceTrayMoved(
          data.text("/device"), data.text("/id"), data.flag("/tray-open"), at);
    }
  }

  /**
   * A memory device's size is another one.
   *
   * @param id its id
   * @param sizeBytes its size
   * @param qomPath its object
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record MemoryDeviceSizeChange(
      Optional<String> id, long sizeBytes, String qomPath, Instant at) implements DeviceEvent {
    static MemoryDeviceSizeChange from(QmpResult data, Instant at) {
      return new MemoryDeviceSizeChange(
          Read.optText(data, "/id"), data.number("/size"), data.text("/qom-path"), at);
    }
  }

  /**
   * The guest did not let go of memory; DEVICE_UNPLUG_GUEST_ERROR says the same.
   *
   * @param device the device's id
   * @param message why, for people
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record MemUnplugError(String device, String message, Instant at) implements DeviceEvent {
    static MemUnplugError from(QmpResult data, Instant at) {
      return new MemUnplugError(data.text("/device"), data.text("/msg"), at);
    }
  }

  /**
   * What a network card lets through is changed; reported once per query.
   *
   * @param name its id
   * @param path its object
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record NicRxFilterChanged(Optional<String> name, String path, Instant at)
      implements DeviceEvent {
    static NicRxFilterChanged from(QmpResult data, Instant at) {
      return new NicRxFilterChanged(Read.optText(data, "/name"), data.text("/path"), at);
    }
  }

  /**
   * The balloon leaves the guest another amount of memory.
   *
   * @param actualBytes the amount
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record BalloonChange(long actualBytes, Instant at) implements DeviceEvent {
    static BalloonChange from(QmpResult data, Instant at) {
      return new BalloonChange(data.number("/actual"), at);
    }
  }

  /**
   * The guest opened or closed a port, such as its agent's.
   *
   * @param id the port's id
   * @param open whether it is open
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record VserportChange(String id, boolean open, Instant at) implements DeviceEvent {
    static VserportChange from(QmpResult data, Instant at) {
      return new VserportChange(data.text("/id"), data.flag("/open"), at);
    }
  }

  /**
   * A migration waits until the guest has let go of a network card with a standby.
   *
   * @param deviceId its id
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record UnplugPrimary(String deviceId, Instant at) implements DeviceEvent {
    static UnplugPrimary from(QmpResult data, Instant at) {
      return new UnplugPrimary(data.text("/device-id"), at);
    }
  }

  /**
   * The guest can use a network card's standby.
   *
   * @param deviceId the standby's id
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record FailoverNegotiated(String deviceId, Instant at) implements DeviceEvent {
    static FailoverNegotiated from(QmpResult data, Instant at) {
      return new FailoverNegotiated(data.text("/device-id"), at);
    }
  }

  /**
   * The guest's ACPI reported of a memory or processor slot.
   *
   * @param info what it reported
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record AcpiDeviceOst(OspmStatus info, Instant at) implements DeviceEvent {
    static AcpiDeviceOst from(QmpResult data, Instant at) {
      return new AcpiDeviceOst(Read.one(data, "/info", OspmStatus::from), at);
    }
  }

  /**
   * A network back end is connected.
   *
   * @param netdevId its id
   * @param address where to
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record NetdevStreamConnected(String netdevId, SocketAddress address, Instant at)
      implements DeviceEvent {
    static NetdevStreamConnected from(QmpResult data, Instant at) {
      return new NetdevStreamConnected(
          data.text("/netdev-id"), Read.one(data, "/addr", SocketAddress::from), at);
    }
  }

  /**
   * A network back end is no longer connected.
   *
   * @param netdevId its id
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record NetdevStreamDisconnected(String netdevId, Instant at) implements DeviceEvent {
    static NetdevStreamDisconnected from(QmpResult data, Instant at) {
      return new NetdevStreamDisconnected(data.text("/netdev-id"), at);
    }
  }

  /**
   * The client of a device offered to others is gone.
   *
   * @param serverId the server's id
   * @param serverPath the server's object
   * @param deviceId the device's id
   * @param devicePath the device's object
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record VfuClientHangup(
      String serverId, String serverPath, String deviceId, String devicePath, Instant at)
      implements DeviceEvent {
    static VfuClientHangup from(QmpResult data, Instant at) {
      return new VfuClientHangup(
          data.text("/vfu-id"),
          data.text("/vfu-qom-path"),
          data.text("/dev-id"),
          data.text("/dev-qom-path"),
          at);
    }
  }

  /**
   * An RDMA address came or went.
   *
   * @param netdev the host's link
   * @param added whether it came
   * @param subnetPrefix the address's first half
   * @param interfaceId its second half
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record RdmaGidStatusChanged(
      String netdev, boolean added, BigInteger subnetPrefix, BigInteger interfaceId, Instant at)
      implements DeviceEvent {
    static RdmaGidStatusChanged from(QmpResult data, Instant at) {
      return new RdmaGidStatusChanged(
          data.text("/netdev"),
          data.flag("/gid-status"),
          data.unsigned("/subnet-prefix"),
          data.unsigned("/interface-id"),
          at);
    }
  }
}
