package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How far a migration is.
 *
 * @param status its state, empty if there was none
 * @param ram memory
 * @param disk disks, if they are sent along
 * @param vfioBytes bytes of passed-through devices
 * @param xbzrle differences
 * @param totalMillis how long it has taken; may still be 0 right after the event COMPLETED
 * @param expectedDowntimeMillis how long the guest would stand still
 * @param downtimeMillis how long it stood still
 * @param setupMillis how long the preparation took
 * @param cpuThrottlePercentage how much the guest is slowed down
 * @param error why it failed
 * @param blockedReasons why this machine cannot be migrated
 * @param postcopyBlockMillis how long processors waited for pages at the target
 * @param addresses where the target listens
 * @since 0.1
 */
public record MigrationInfo(
    Optional<Term<MigrationStatus>> status,
    Optional<RamProgress> ram,
    Optional<RamProgress> disk,
    OptionalLong vfioBytes,
    Optional<XbzrleProgress> xbzrle,
    OptionalLong totalMillis,
    OptionalLong expectedDowntimeMillis,
    OptionalLong downtimeMillis,
    OptionalLong setupMillis,
    OptionalLong cpuThrottlePercentage,
    Optional<String> error,
    List<String> blockedReasons,
    OptionalLong postcopyBlockMillis,
    List<SocketAddress> addresses) {
  /** Copies the lists. */
  public MigrationInfo {
    blockedReasons = List.copyOf(blockedReasons);
    addresses = List.copyOf(addresses);
  }

  static MigrationInfo from(QmpResult result) {
    return new MigrationInfo(
        Read.optTerm(MigrationStatus.class, result, "/status"),
        Read.optOne(result, "/ram", RamProgress::from),
        Read.optOne(result, "/disk", RamProgress::from),
        Read.optNumber(result, "/vfio/transferred"),
        Read.optOne(result, "/xbzrle-cache", XbzrleProgress::from),
        Read.optNumber(result, "/total-time"),
        Read.optNumber(result, "/expected-downtime"),
        Read.optNumber(result, "/downtime"),
        Read.optNumber(result, "/setup-time"),
        Read.optNumber(result, "/cpu-throttle-percentage"),
        Read.optText(result, "/error-desc"),
        Read.optTexts(result, "/blocked-reasons"),
        Read.optNumber(result, "/postcopy-blocktime"),
        Read.optList(result, "/socket-address", SocketAddress::from));
  }
}
