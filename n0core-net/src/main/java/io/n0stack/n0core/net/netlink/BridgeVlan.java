package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;

/**
 * VLANs that a port of a bridge, or the bridge itself, is in.
 *
 * @param first 1 to 4094
 * @param last {@code first} to 4094
 * @param pvid whether frames without a tag that come in belong to it; only for a single VLAN
 * @param untagged whether frames that go out lose their tag
 * @since 0.1
 */
public record BridgeVlan(int first, int last, Switch pvid, Switch untagged) {
  /** Checks the numbers. */
  public BridgeVlan {
    Rules.range("first", first, 1, 4094);
    Rules.range("last", last, first, 4094);
    if (pvid == Switch.ON && first != last) {
      throw N0Exception.invalid(
          "last", last, "must be " + first + ", as only one VLAN is the PVID");
    }
  }

  /**
   * Means one VLAN whose frames keep their tag.
   *
   * @param vlanId 1 to 4094
   * @return the VLAN
   */
  public static BridgeVlan tagged(int vlanId) {
    return range(vlanId, vlanId);
  }

  /**
   * Means VLANs whose frames keep their tag.
   *
   * @param first 1 to 4094
   * @param last {@code first} to 4094
   * @return the VLANs
   */
  public static BridgeVlan range(int first, int last) {
    return new BridgeVlan(first, last, Switch.OFF, Switch.OFF);
  }

  /**
   * Means the one VLAN of what has no tags.
   *
   * @param vlanId 1 to 4094
   * @return the VLAN
   */
  public static BridgeVlan access(int vlanId) {
    return new BridgeVlan(vlanId, vlanId, Switch.ON, Switch.ON);
  }
}
