package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * What a network card lets through.
 *
 * @param name its id
 * @param promiscuous whether everything
 * @param multicast which multicast addresses
 * @param unicast which unicast addresses
 * @param vlan which VLANs
 * @param broadcastAllowed whether broadcasts
 * @param multicastOverflow whether the guest set more multicast addresses than fit
 * @param unicastOverflow whether the guest set more unicast addresses than fit
 * @param mainMac the card's own address
 * @param vlanTable the VLANs
 * @param unicastTable the unicast addresses
 * @param multicastTable the multicast addresses
 * @since 0.1
 */
public record RxFilter(
    String name,
    boolean promiscuous,
    Term<RxState> multicast,
    Term<RxState> unicast,
    Term<RxState> vlan,
    boolean broadcastAllowed,
    boolean multicastOverflow,
    boolean unicastOverflow,
    String mainMac,
    List<Long> vlanTable,
    List<String> unicastTable,
    List<String> multicastTable) {
  /** Copies the lists. */
  public RxFilter {
    vlanTable = List.copyOf(vlanTable);
    unicastTable = List.copyOf(unicastTable);
    multicastTable = List.copyOf(multicastTable);
  }

  static RxFilter from(QmpResult result) {
    return new RxFilter(
        result.text("/name"),
        result.flag("/promiscuous"),
        Read.term(RxState.class, result, "/multicast"),
        Read.term(RxState.class, result, "/unicast"),
        Read.term(RxState.class, result, "/vlan"),
        result.flag("/broadcast-allowed"),
        result.flag("/multicast-overflow"),
        result.flag("/unicast-overflow"),
        result.text("/main-mac"),
        Read.numbers(result, "/vlan-table"),
        Read.texts(result, "/unicast-table"),
        Read.texts(result, "/multicast-table"));
  }
}
