package io.n0stack.n0core.storage.qemuimg;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;

/** A process that works until it is killed. */
final class KilledParent {
  private static final Run HOUR = Run.within(Duration.ofHours(1));

  private KilledParent() {}

  /**
   * Runs for ever.
   *
   * @param arguments kind, program and directory
   */
  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[2]);
    QemuImg qemuImg = new QemuImg(Settings.standard().withProgram(arguments[1]));
    QemuImg.installed().version(); // loads the classes, so that the next start is quick
    System.out.println("ready");
    Path target = directory.resolve("target-" + System.nanoTime());
    if (arguments[0].equals("trusted")) {
      qemuImg.create(target, NewImage.Raw.sparse(), 512, HOUR);
    } else if (arguments[0].equals("foreign")) {
      Path source =
          Files.write(directory.resolve("source"), "vhdxfile".getBytes(StandardCharsets.UTF_8));
      Files.setPosixFilePermissions(source, PosixFilePermissions.fromString("rw-r--r--"));
      qemuImg.convertForeign(
          new ForeignImage(source, ForeignImage.Format.VHDX),
          target,
          NewImage.Raw.sparse(),
          ConvertOptions.standard(),
          HOUR);
    }
  }
}
