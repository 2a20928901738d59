package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.network.PortSpec.AntiSpoof;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.api.network.PortSpec.RateLimit;
import java.util.Optional;

/**
 * A port as it is on the host.
 *
 * @param tap name of the tap link
 * @param tapIndex its interface index; 0 while there is no tap but something else of the port
 * @param bridge name of the bridge it is a port of
 * @param mac the address that the guest's NIC must have
 * @param mtu its MTU in bytes
 * @param ownerUid the user id that may open the tap
 * @param transmitLimit the limit in force on what the guest sends
 * @param receiveLimit the limit in force on what the guest is sent
 * @param antiSpoof which frames of the guest are dropped
 * @param isolation which other ports of the network it reaches
 * @since 0.1
 */
public record PortStatus(
    String tap,
    int tapIndex,
    String bridge,
    MacAddress mac,
    int mtu,
    long ownerUid,
    Optional<RateLimit> transmitLimit,
    Optional<RateLimit> receiveLimit,
    AntiSpoof antiSpoof,
    Isolation isolation) {
  /**
   * Describes a port without limits and guards.
   *
   * @param tap name of the tap link
   * @param tapIndex its interface index
   * @param bridge name of the bridge it is a port of
   * @param mac the address that the guest's NIC must have
   * @param mtu its MTU in bytes
   * @param ownerUid the user id that may open the tap
   */
  public PortStatus(
      String tap, int tapIndex, String bridge, MacAddress mac, int mtu, long ownerUid) {
    this(
        tap,
        tapIndex,
        bridge,
        mac,
        mtu,
        ownerUid,
        Optional.empty(),
        Optional.empty(),
        AntiSpoof.OFF,
        Isolation.SHARED);
  }
}
