package io.n0stack.n0core.storage.seed;

import java.io.ByteArrayOutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/** Bytes in the orders that ECMA-119 has, section 7. */
final class IsoBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  int size() {
    return out.size();
  }

  byte[] toArray() {
    return out.toByteArray();
  }

  IsoBytes put(int value) {
    out.write(value);
    return this;
  }

  IsoBytes put(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }

  IsoBytes zeros(int count) {
    return put(new byte[count]);
  }

  IsoBytes text(String text, Charset charset) {
    return put(text.getBytes(charset));
  }

  /** Text filled up with spaces, and with a zero where no whole space fits. */
  IsoBytes padded(String text, int bytes, Charset charset) {
    byte[] space = " ".getBytes(charset);
    int end = size() + bytes;
    text(text, charset);
    while (size() + space.length <= end) {
      put(space);
    }
    return zeros(end - size());
  }

  IsoBytes little16(int value) {
    return put(value).put(value >>> 8);
  }

  IsoBytes big16(int value) {
    return put(value >>> 8).put(value);
  }

  IsoBytes both16(int value) {
    return little16(value).big16(value);
  }

  IsoBytes little32(int value) {
    return little16(value).little16(value >>> 16);
  }

  IsoBytes big32(int value) {
    return big16(value >>> 16).big16(value);
  }

  IsoBytes both32(int value) {
    return little32(value).big32(value);
  }

  /** An entry of the System Use Sharing Protocol: signature, length, version 1, data. */
  IsoBytes entry(String signature, IsoBytes data) {
    return text(signature, StandardCharsets.US_ASCII)
        .put(4 + data.size())
        .put(1)
        .put(data.toArray());
  }
}
