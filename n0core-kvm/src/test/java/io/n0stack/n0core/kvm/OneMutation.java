package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

/** An agent that changes a machine in one way, which it reads from its input: to be killed meanwhile. */
final class OneMutation {
  /** A guest that takes no notice releases nothing: waiting for it would be all that is killed. */
  static final Duration PATIENCE = Duration.ofMillis(100);

  private OneMutation() {}

  public static void main(String[] arguments) throws IOException {
    ResourceId id = new ResourceId("machine", arguments[1], UUID.fromString(arguments[2]));
    Board board = Board.existing(Path.of(arguments[0]), id);
    try (QemuMachineDriver driver = board.open(PATIENCE);
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
      driver.observe(id); // loads most classes
      System.out.println("ready");
      String mutation = in.readLine();
      System.out.println("go");
      if (mutation.startsWith("apply")) {
        driver.apply(board.cx(), id, spec(board, mutation));
      } else {
        driver.power(board.cx(), id, PowerAction.valueOf(mutation));
      }
    }
  }

  /** Reads {@code apply a d eth1}: a to c are disks on SCSI, d and e on PCI. */
  static MachineSpec spec(Board board, String mutation) {
    // On pc all PCI devices are seen by QEMU without a firmware that numbers buses.
    MachineSpec.Builder spec = board.host.nano(Chipset.PC);
    for (String name : names(mutation)) {
      if (name.startsWith("eth")) {
        spec.nic(name);
      } else if (name.compareTo("d") < 0) {
        spec.disk(name, DiskModel.VIRTIO_SCSI);
      } else {
        spec.disk(name);
      }
    }
    return spec.build();
  }

  static Set<String> names(String mutation) {
    Set<String> names = new TreeSet<>(Set.of(mutation.split(" ")));
    names.remove("apply");
    return names;
  }
}
