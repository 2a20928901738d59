package io.n0stack.n0core.net.tap;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a tap is to be.
 *
 * @param name 1 to 15 bytes
 * @param queues how many queues are opened, 1 to 256, of a multiqueue tap; empty for a tap that has one
 *     and can have no more, which is another thing than a multiqueue tap with one
 * @param vnetHeaderBytes size of the {@code struct virtio_net_hdr} before each frame that is read or
 *     written, 10 to 64; empty for frames without it
 * @param ownerUid a user id, 0 to 4294967294; empty to leave it as it is, which is nobody's if new
 * @param groupGid a group id, 0 to 4294967294; empty to leave it as it is, which is nobody's if new
 * @param mtu bytes, 68 to 65521; empty to leave it as it is, which is 1500 if new
 * @param persistent whether a new tap outlives its descriptors
 * @since 0.1
 */
public record TapSpec(
    String name,
    OptionalInt queues,
    OptionalInt vnetHeaderBytes,
    OptionalLong ownerUid,
    OptionalLong groupGid,
    OptionalInt mtu,
    boolean persistent) {
  static final int MOST_QUEUES = 256; // MAX_TAP_QUEUES, drivers/net/tun.c
  static final int PLAIN_VNET_HEADER = 10; // struct virtio_net_hdr, linux/virtio_net.h
  private static final int LARGEST_VNET_HEADER = 64; // today's are at most 24
  private static final int LARGEST_MTU = 65521; // 65535 less an Ethernet header, drivers/net/tun.c
  private static final long LARGEST_ID = 0xfffffffeL;

  /**
   * Checks everything.
   *
   * @throws N0Exception INVALID if a value breaks its rule
   */
  public TapSpec {
    Rules.linkName("name", name);
    queues.ifPresent(count -> Rules.range("queues", count, 1, MOST_QUEUES));
    vnetHeaderBytes.ifPresent(TapSpec::requireVnetHeader);
    ownerUid.ifPresent(uid -> requireId("ownerUid", uid));
    groupGid.ifPresent(gid -> requireId("groupGid", gid));
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 68, LARGEST_MTU));
  }

  static void requireVnetHeader(int bytes) {
    Rules.range("vnetHeaderBytes", bytes, PLAIN_VNET_HEADER, LARGEST_VNET_HEADER);
  }

  static void requireId(String field, long id) {
    Rules.range(field, id, 0, LARGEST_ID);
  }

  /**
   * Begins with a tap of one queue that carries bare frames and goes when it is closed.
   *
   * @param name 1 to 15 bytes
   * @return the spec
   * @throws N0Exception INVALID for what cannot be a link's name
   */
  public static TapSpec named(String name) {
    return new TapSpec(
        name,
        OptionalInt.empty(),
        OptionalInt.empty(),
        OptionalLong.empty(),
        OptionalLong.empty(),
        OptionalInt.empty(),
        false);
  }

  /**
   * Makes it multiqueue, {@code IFF_MULTI_QUEUE}: the kernel spreads the flows over the queues.
   *
   * @param count how many to open, 1 to 256
   * @return a changed copy
   */
  public TapSpec withQueues(int count) {
    return new TapSpec(
        name, OptionalInt.of(count), vnetHeaderBytes, ownerUid, groupGid, mtu, persistent);
  }

  /**
   * Puts the plain header of 10 bytes before each frame, {@code IFF_VNET_HDR}.
   *
   * @return a changed copy
   */
  public TapSpec withVnetHeader() {
    return withVnetHeader(PLAIN_VNET_HEADER);
  }

  /**
   * Puts a header before each frame, {@code IFF_VNET_HDR}.
   *
   * @param bytes its size, 10 to 64; 12 for {@code struct virtio_net_hdr_mrg_rxbuf}
   * @return a changed copy
   */
  public TapSpec withVnetHeader(int bytes) {
    return new TapSpec(name, queues, OptionalInt.of(bytes), ownerUid, groupGid, mtu, persistent);
  }

  /**
   * Allows a user to open it.
   *
   * @param uid a user id, 0 to 4294967294
   * @return a changed copy
   */
  public TapSpec withOwner(long uid) {
    return new TapSpec(
        name, queues, vnetHeaderBytes, OptionalLong.of(uid), groupGid, mtu, persistent);
  }

  /**
   * Allows a group to open it.
   *
   * @param gid a group id, 0 to 4294967294
   * @return a changed copy
   */
  public TapSpec withGroup(long gid) {
    return new TapSpec(
        name, queues, vnetHeaderBytes, ownerUid, OptionalLong.of(gid), mtu, persistent);
  }

  /**
   * Sets the largest packet.
   *
   * @param bytes 68 to 65521
   * @return a changed copy
   */
  public TapSpec withMtu(int bytes) {
    return new TapSpec(
        name, queues, vnetHeaderBytes, ownerUid, groupGid, OptionalInt.of(bytes), persistent);
  }

  /**
   * Lets a new tap outlive its descriptors.
   *
   * @return a changed copy
   */
  public TapSpec withPersistence() {
    return new TapSpec(name, queues, vnetHeaderBytes, ownerUid, groupGid, mtu, true);
  }
}
