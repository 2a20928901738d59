package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.kvm.internal.launch.Settings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The daemons that share directories with a guest by virtiofs. */
final class Shares {
  // The daemon of QEMU 7.2 cannot share read-only; a mount in a namespace of its own can.
  private static final String READ_ONLY = "mount --bind -- \"$1\" \"$1\" "
      + "&& mount -o remount,bind,ro -- \"$1\" && shift && exec \"$@\"";

  private Shares() {}

  static List<String> command(Settings settings, Share share, Path socket) {
    String directory = share.directory().toString();
    String source = directory.replace("\\", "\\\\").replace(",", "\\,");
    List<String> command = new ArrayList<>();
    if (share.access() == Share.Access.READ_ONLY) {
      command.addAll(List.of("unshare", "--mount", "sh", "-c", READ_ONLY, "sh", directory));
    }
    command.addAll(
        List.of(settings.virtiofsd(), "--socket-path=" + socket, "-o", "source=" + source));
    return List.copyOf(command);
  }
}
