package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Shows an image gate the header of an image whose end has not arrived. */
final class HeaderGate implements ContentGate {
  // The gate demands that tables lie within the file, whose length is not known yet.
  private static final long SUPPOSED_BYTES = 1L << 40;

  private final ImageGate gate;
  private final ImageFormat format;

  HeaderGate(ImageGate gate, ImageFormat format) {
    this.gate = gate;
    this.format = format;
  }

  @Override
  public void head(ByteBuffer head, Path partial) {
    if (format != ImageFormat.QCOW2 || head.remaining() < headBytes()) {
      return;
    }
    try (TemporaryFile scratch = TemporaryFile.create(partial)) {
      FileChannel file = scratch.channel();
      TemporaryFile.write(file, head, 0);
      TemporaryFile.write(file, ByteBuffer.wrap(new byte[1]), SUPPOSED_BYTES - 1);
      gate.inspect(scratch.path(), format);
    } catch (IOException e) {
      throw FetchFailures.file("write beside", partial, e);
    }
  }

  @Override
  public void complete(Path file) {
    gate.inspect(file, format);
  }
}
