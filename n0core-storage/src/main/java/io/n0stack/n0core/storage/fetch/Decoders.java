package io.n0stack.n0core.storage.fetch;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageSource;
import java.io.IOException;
import java.io.InputStream;
import org.tukaani.xz.XZInputStream;

/** Uncompresses whole files within bounds of memory. */
final class Decoders {
  private Decoders() {}

  static InputStream open(ContentRules rules, InputStream wire) throws IOException {
    if (rules.compression().isEmpty()) {
      return wire;
    }
    return switch (rules.compression().get()) {
      case GZIP -> new GzipInput(wire);
      case XZ -> new XZInputStream(wire, (int) Math.min(rules.maxDecoderBytes() >> 10, 1 << 21));
      case ZSTD -> zstd(rules, wire);
    };
  }

  private static InputStream zstd(ContentRules rules, InputStream wire) throws IOException {
    try {
      int windowLog = 63 - Long.numberOfLeadingZeros(rules.maxDecoderBytes());
      return new ZstdInputStreamNoFinalizer(wire).setLongMax(windowLog);
    } catch (LinkageError e) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "compression",
          "uncompress " + ImageSource.Compression.ZSTD + ": no native library: " + e.getMessage(),
          e);
    }
  }
}
