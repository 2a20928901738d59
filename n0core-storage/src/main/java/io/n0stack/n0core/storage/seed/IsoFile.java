package io.n0stack.n0core.storage.seed;

/** A file and its place in an image. */
final class IsoFile {
  private final String name;
  private final String identifier;
  private final byte[] content;
  private final int sector;

  /** Takes what Rock Ridge and Joliet call it, and what ISO 9660 level 1 does. */
  IsoFile(String name, String identifier, byte[] content, int sector) {
    this.name = name;
    this.identifier = identifier;
    this.content = content;
    this.sector = sector;
  }

  String name() {
    return name;
  }

  String identifier() {
    return identifier;
  }

  byte[] content() {
    return content;
  }

  int sector() {
    return sector;
  }

  IsoFile behind(int sectors) {
    return new IsoFile(name, identifier, content, sectors + sector);
  }
}
