package io.n0stack.n0core.storage.seed;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_16BE;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;

/** The root directory of one of the two trees. */
final class IsoDirectory {
  private static final int DIRECTORY = 2;
  private static final byte[] ITSELF = {0};
  private static final byte[] PARENT = {1};

  private final byte[] time;
  private final int sector;
  private final int bytes;

  /** The sizes of the records do not depend on where the directory and the files are. */
  IsoDirectory(Instant time, int sector, int bytes) {
    ZonedDateTime utc = time.atZone(ZoneOffset.UTC);
    this.time = new IsoBytes()
        .put(utc.getYear() - 1900)
        .put(utc.getMonthValue())
        .put(utc.getDayOfMonth())
        .put(utc.getHour())
        .put(utc.getMinute())
        .put(utc.getSecond())
        .put(0)
        .toArray();
    this.sector = sector;
    this.bytes = bytes;
  }

  int sector() {
    return sector;
  }

  /** The record of the root in a volume descriptor. */
  IsoBytes itself() {
    return own(ITSELF, new IsoBytes());
  }

  IsoBytes plain(List<IsoFile> files) {
    IsoBytes out = new IsoBytes()
        .put(own(ITSELF, RockRidge.root(time)).toArray())
        .put(own(PARENT, RockRidge.directory(time)).toArray());
    for (IsoFile file : files) {
      byte[] identifier = (file.identifier() + ";1").getBytes(US_ASCII);
      append(out, of(file, identifier, RockRidge.file(file.name(), time)));
    }
    return filled(out);
  }

  IsoBytes joliet(List<IsoFile> files) {
    IsoBytes out = new IsoBytes()
        .put(own(ITSELF, new IsoBytes()).toArray())
        .put(own(PARENT, new IsoBytes()).toArray());
    for (IsoFile file : files) {
      append(out, of(file, file.name().getBytes(UTF_16BE), new IsoBytes()));
    }
    return filled(out);
  }

  /** No record may lie in two sectors. */
  private static void append(IsoBytes out, IsoBytes next) {
    if (out.size() % IsoLayout.SECTOR + next.size() > IsoLayout.SECTOR) {
      filled(out);
    }
    out.put(next.toArray());
  }

  private static IsoBytes filled(IsoBytes out) {
    return out.zeros(-out.size() & (IsoLayout.SECTOR - 1));
  }

  private IsoBytes own(byte[] identifier, IsoBytes systemUse) {
    return record(identifier, systemUse, DIRECTORY, sector, bytes);
  }

  private IsoBytes of(IsoFile file, byte[] identifier, IsoBytes systemUse) {
    return record(identifier, systemUse, 0, file.sector(), file.content().length);
  }

  /** ECMA-119, 9.1. */
  private IsoBytes record(byte[] identifier, IsoBytes systemUse, int flags, int at, int length) {
    IsoBytes rest = new IsoBytes()
        .put(0)
        .both32(at)
        .both32(length)
        .put(time)
        .put(flags)
        .zeros(2)
        .both16(1)
        .put(identifier.length)
        .put(identifier);
    // What follows begins at an even offset, and the record ends at one.
    rest.zeros((rest.size() + 1) % 2).put(systemUse.toArray()).zeros((rest.size() + 1) % 2);
    return new IsoBytes().put(1 + rest.size()).put(rest.toArray());
  }
}
