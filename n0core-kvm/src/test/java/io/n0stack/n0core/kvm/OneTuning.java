package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** An agent that tunes a machine as it reads from its input: to be killed meanwhile. */
final class OneTuning {
  private static final long MIB = 1 << 20;

  private OneTuning() {}

  public static void main(String[] arguments) throws IOException {
    ResourceId id = new ResourceId("machine", arguments[1], UUID.fromString(arguments[2]));
    Board board = Board.existing(Path.of(arguments[0]), id);
    try (QemuMachineDriver driver = board.open(Duration.ofMillis(100));
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
      driver.observe(id); // loads most classes
      System.out.println("ready");
      String tuning = in.readLine();
      System.out.println("go");
      driver.apply(board.cx(), id, spec(board, tuning));
    }
  }

  /** Reads {@code 12 3 a c}: MiB to be kept, MiB per second, the media of two drives, "-" for none. */
  static MachineSpec spec(Board board, String tuning) {
    String[] words = tuning.split(" ", -1);
    Disk disk = new Disk("d", Optional.empty(), Optional.of(DiskModel.VIRTIO_SCSI))
        .withLimits(DiskLimits.none().withBytes(Long.parseLong(words[1]) * MIB));
    return board
        .host
        .nano(Chipset.PC)
        .disk(disk)
        .hardware(Hardware.standard()
            .withMemory(Memory.standard().withTargetBytes(Long.parseLong(words[0]) * MIB))
            .withCdroms(List.of(drive("one", words[2]), drive("two", words[3]))))
        .build();
  }

  private static Cdrom drive(String name, String medium) {
    return medium.equals("-") ? Cdrom.empty(name) : Cdrom.of(name, medium);
  }
}
