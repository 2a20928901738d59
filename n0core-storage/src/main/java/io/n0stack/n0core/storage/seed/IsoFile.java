package io.n0stack.n0core.storage.seed;

/**
 * A file and its place in an image.
 *
 * @param name what Rock Ridge and Joliet call it
 * @param identifier what ISO 9660 level 1 calls it
 * @param content its bytes
 * @param sector where they begin
 */
record IsoFile(String name, String identifier, byte[] content, int sector) {
  IsoFile behind(int sectors) {
    return new IsoFile(name, identifier, content, sectors + sector);
  }
}
