package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32;

/**
 * What the alias of a link of ours says: {@code n0core:KIND:NAME:UID:DETAIL:SEAL}.
 *
 * @param id whose link it is
 * @param detail what the driver must know of it without its spec: a network's uplink, a port's MAC
 * @param seal the digest of the finished state; empty while the link is half made
 */
record Stamp(ResourceId id, String detail, Optional<String> seal) {
  private static final String PREFIX = "n0core";
  private static final int FIELDS = 6;

  static Stamp halfMade(ResourceId id, String detail) {
    return new Stamp(id, detail, Optional.empty());
  }

  Stamp sealedOver(String state) {
    CRC32 crc = new CRC32();
    crc.update(state.getBytes(StandardCharsets.UTF_8));
    return new Stamp(id, detail, Optional.of(HexFormat.of().toHexDigits((int) crc.getValue())));
  }

  String alias() {
    return String.join(
        ":", PREFIX, id.kind(), id.name(), id.uid().toString(), detail, seal.orElse(""));
  }

  /** Reads an alias; empty for one that is not exactly what {@link #alias} writes. */
  static Optional<Stamp> parse(String alias) {
    String[] fields = alias.split(":", -1);
    if (fields.length != FIELDS || !fields[0].equals(PREFIX)) {
      return Optional.empty();
    }
    try {
      UUID uid = UUID.fromString(fields[3]);
      Stamp stamp = new Stamp(
          new ResourceId(fields[1], fields[2], uid),
          fields[4],
          fields[5].isEmpty() ? Optional.empty() : Optional.of(fields[5]));
      return stamp.alias().equals(alias) ? Optional.of(stamp) : Optional.empty();
    } catch (IllegalArgumentException | N0Exception e) {
      return Optional.empty();
    }
  }
}
