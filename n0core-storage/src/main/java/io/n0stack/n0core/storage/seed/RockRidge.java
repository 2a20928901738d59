package io.n0stack.n0core.storage.seed;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

/** What RRIP 1.10 adds to the records of a directory, by SUSP. */
final class RockRidge {
  private static final int FILE = 0100400;
  private static final int DIRECTORY = 040500;
  private static final int MODIFIED_READ_CHANGED = 2 | 4 | 8;

  private RockRidge() {}

  /** What the record of the root has of itself: that SUSP is used, and where the reference is. */
  static IsoBytes root(byte[] time) {
    IsoBytes reference = new IsoBytes()
        .both32(IsoLayout.extensions())
        .both32(0)
        .both32(reference().size());
    return new IsoBytes()
        .entry("SP", new IsoBytes().put(0xbe).put(0xef).put(0))
        .put(directory(time).toArray())
        .entry("CE", reference);
  }

  static IsoBytes directory(byte[] time) {
    return attributes(DIRECTORY, 2, time);
  }

  static IsoBytes file(String name, byte[] time) {
    return attributes(FILE, 1, time).entry("NM", new IsoBytes().put(0).text(name, UTF_8));
  }

  private static IsoBytes attributes(int mode, int links, byte[] time) {
    return new IsoBytes()
        .entry("PX", new IsoBytes().both32(mode).both32(links).both32(0).both32(0))
        .entry(
            "TF", new IsoBytes().put(MODIFIED_READ_CHANGED).put(time).put(time).put(time));
  }

  /** The words that RRIP 1.10 prescribes. */
  static IsoBytes reference() {
    String id = "RRIP_1991A";
    String description =
        "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS";
    String source = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER"
        + " IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.";
    return new IsoBytes()
        .entry(
            "ER",
            new IsoBytes()
                .put(id.length())
                .put(description.length())
                .put(source.length())
                .put(1)
                .text(id + description + source, US_ASCII));
  }
}
