package io.n0stack.n0core.examples.rawvolumes;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.DriverFixture.Undo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A file system in memory that is full soon: of data, and of files. */
record SmallDisk(Path mount) implements AutoCloseable {
  static SmallDisk at(Path mount) throws IOException {
    Files.createDirectory(mount);
    run("mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "tmpfs", mount.toString());
    return new SmallDisk(mount);
  }

  Undo fill() {
    List<Path> fillers = new ArrayList<>();
    try {
      Path data = Files.createFile(mount.resolve("filler"));
      fillers.add(data);
      Files.write(data, new byte[(int) mount.toFile().getUsableSpace()]);
      while (true) {
        fillers.add(Files.createFile(mount.resolve("filler" + fillers.size())));
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
    return () -> fillers.forEach(filler -> assertThat(filler.toFile().delete()).isTrue());
  }

  @Override
  public void close() {
    run("umount", mount.toString());
  }

  private static void run(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(output).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
