package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortSpec.AntiSpoof;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.api.network.PortSpec.RateLimit;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the stamp of a port's links says of it beside its name: {@code
 * MAC[,tBITS/BYTES][,rBITS/BYTES][,strict][,isolated]}. The kernel rounds limits, so that what was asked
 * for cannot be read from it.
 *
 * @param mac the address that the guest's NIC must have
 * @param transmit the limit on what the guest sends
 * @param receive the limit on what the guest is sent
 * @param antiSpoof which frames of the guest are dropped
 * @param isolation which other ports of the network it reaches
 */
record PortDetail(
    MacAddress mac,
    Optional<RateLimit> transmit,
    Optional<RateLimit> receive,
    AntiSpoof antiSpoof,
    Isolation isolation) {
  private static final HexFormat HEX = HexFormat.of();
  private static final String LIMIT = "([1-9][0-9]{0,18})/([1-9][0-9]{0,9})";
  private static final Pattern FORM = Pattern.compile(
      "([0-9a-f]{12})(?:,t" + LIMIT + ")?(?:,r" + LIMIT + ")?(,strict)?(,isolated)?");

  static PortDetail of(PortSpec spec, MacAddress mac) {
    return new PortDetail(
        mac, spec.transmitLimit(), spec.receiveLimit(), spec.antiSpoof(), spec.isolation());
  }

  String text() {
    return HEX.formatHex(mac.octets())
        + transmit.map(limit -> ",t" + text(limit)).orElse("")
        + receive.map(limit -> ",r" + text(limit)).orElse("")
        + (antiSpoof == AntiSpoof.STRICT ? ",strict" : "")
        + (isolation == Isolation.ISOLATED ? ",isolated" : "");
  }

  private static String text(RateLimit limit) {
    return limit.bitsPerSecond() + "/" + limit.burstBytes();
  }

  /** Reads what a stamp says; it may have been damaged. */
  static PortDetail read(Stamp stamp) {
    Matcher form = FORM.matcher(stamp.detail());
    try {
      if (form.matches()) {
        return new PortDetail(
            new MacAddress(HexFormat.fromHexDigitsToLong(form.group(1))),
            limit(form.group(2), form.group(3)),
            limit(form.group(4), form.group(5)),
            form.group(6) == null ? AntiSpoof.OFF : AntiSpoof.STRICT,
            form.group(7) == null ? Isolation.SHARED : Isolation.ISOLATED);
      }
    } catch (NumberFormatException | N0Exception e) {
      throw damaged(stamp, e);
    }
    throw damaged(stamp, new IllegalArgumentException(stamp.detail()));
  }

  private static Optional<RateLimit> limit(@Nullable String bits, @Nullable String bytes) {
    return bits == null || bytes == null
        ? Optional.empty()
        : Optional.of(new RateLimit(Long.parseLong(bits), Long.parseLong(bytes)));
  }

  private static N0Exception damaged(Stamp stamp, RuntimeException cause) {
    return Refusals.unavailable(
        stamp.id(),
        "its alias says " + Rules.quote(stamp.detail()) + " where MAC and limits must be",
        cause);
  }
}
