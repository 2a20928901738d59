package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.File;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The chain of programs through which {@code qemu-img} starts. Each becomes the next by exec, so that
 * the process we start is the one that works:
 *
 * <ol>
 *   <li>{@code setsid}: a session and a group of its own, to be killed as one
 *   <li>{@code setpriv}: killed by the kernel when we die; no capability; none to gain
 *   <li>{@code sh}: ends if we died before that took effect; sets the limits and the umask
 *   <li>for images of strangers {@code unshare}, a shell that builds a room, {@code chroot} and {@code
 *       setpriv} once more, see {@link #ROOM}
 * </ol>
 */
final class Confinement {
  private static final String PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
  private static final int CAP_DAC_OVERRIDE = 1; // linux/capability.h
  private static final int CAP_SETPCAP = 8;
  private static final Pattern PERMITTED = Pattern.compile("CapPrm:\\s*([0-9a-f]+)");
  private static final Pattern USER = Pattern.compile("Uid:\\s*\\d+\\s+(\\d+)");

  private static final String GATE = """
      [ "$PPID" = "$1" ] || exit 125
      umask 077
      ulimit -c 0 && ulimit -s 2048 && ulimit -v "$2" && ulimit -t "$3" || exit 126
      [ "$4" = - ] || ulimit -f "$4" || exit 126
      shift 4
      exec "$@"
      """;

  /**
   * In a mount namespace of its own: an empty root with the programs, one source and one target. /sys is
   * covered because no image lies there. The last shell finds a closed pipe if we died before the
   * second setpriv made the kernel watch: a change of user makes it forget.
   */
  private static final String ROOM = """
      set -eu
      umask 022
      user=$1 source=$2 target=$3 program=$4 chroot=$5 setpriv=$6 sh=$7
      shift 7
      mount -t tmpfs -o mode=0755,size=64k,nosuid,noexec room /sys
      cd /sys
      for d in usr bin sbin lib lib64; do
        if [ -L "/$d" ]; then ln -s "$(readlink "/$d")" "$d"
        elif [ -d "/$d" ]; then mkdir "$d" && mount -o bind,ro,nosuid,nodev "/$d" "$d"; fi
      done
      mkdir dev && : > dev/null && mount --bind /dev/null dev/null
      : > qemu-img && mount -o bind,ro,nosuid,nodev "$program" qemu-img
      : > source && mount -o bind,ro,nosuid,nodev,noexec "$source" source
      if [ "$target" != - ]; then
        : > target && mount -o bind,nosuid,nodev,noexec "$target" target
      fi
      umask 077
      exec "$chroot" . "$setpriv" --reuid="$user" --regid="$user" --clear-groups \\
        --no-new-privs --inh-caps=-all --bounding-set=-all --pdeathsig=KILL -- \\
        "$sh" -c 'printf "\\n" && exec /qemu-img "$@"' sh "$@"
      """;

  /** Where the room has the image. */
  static final String SOURCE = "/source";

  /** Where the room has the file to write. */
  static final String TARGET = "/target";

  private final Settings settings;

  Confinement(Settings settings) {
    this.settings = settings;
  }

  /** Confines a run on trusted images. */
  List<String> trusted(List<String> arguments) {
    Identity self = Identity.read();
    List<String> command = new ArrayList<>();
    command.add(tool("setsid", "util-linux"));
    command.addAll(List.of(
        tool("setpriv", "util-linux"), "--pdeathsig=KILL", "--no-new-privs", "--inh-caps=-all"));
    if (self.keepsUnlessBounded()) {
      command.add("--bounding-set=-all" + kept(self));
    }
    command.add("--");
    command.addAll(gate(settings.limits()));
    command.add(program());
    command.addAll(arguments);
    return command;
  }

  /** Confines a run on an image of a stranger; the arguments name it SOURCE, and TARGET. */
  List<String> foreign(Path source, Optional<Path> target, List<String> arguments) {
    requireRoot();
    String sh = tool("sh", "dash");
    List<String> command = new ArrayList<>();
    command.add(tool("setsid", "util-linux"));
    command.addAll(List.of(tool("setpriv", "util-linux"), "--pdeathsig=KILL", "--"));
    command.addAll(gate(settings.foreignLimits()));
    command.addAll(List.of(tool("unshare", "util-linux"), "--mount", "--net", "--pid", "--ipc"));
    command.addAll(List.of("--uts", "--fork", "--kill-child=KILL", "--propagation=private", "--"));
    command.addAll(List.of(sh, "-c", ROOM, "sh", Long.toString(settings.foreignUser())));
    command.addAll(List.of(source.toString(), target.map(Path::toString).orElse("-"), program()));
    command.addAll(List.of(tool("chroot", "coreutils"), tool("setpriv", "util-linux"), sh));
    command.addAll(arguments);
    tool("mount", "mount");
    return command;
  }

  /** Kills all of a group, whose leader we have not seen dead. */
  List<String> kill(long group) {
    return List.of(tool("sh", "dash"), "-c", "kill -s KILL -- \"-$1\"", "sh", Long.toString(group));
  }

  void requireRoot() {
    if (Identity.read().user() != 0) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "qemu-img",
          "confine qemu-img for an image of a stranger: only root can make namespaces here");
    }
  }

  long foreignUser() {
    return settings.foreignUser();
  }

  static String path() {
    return Optional.ofNullable(System.getenv("PATH")).orElse(PATH);
  }

  private List<String> gate(Limits limits) {
    // In KiB, seconds and blocks of 512 bytes, as dash(1) counts them.
    return List.of(
        tool("sh", "dash"),
        "-c",
        GATE,
        "sh",
        Long.toString(ProcessHandle.current().pid()),
        Long.toString(limits.addressSpaceBytes() >> 10),
        Long.toString(limits.cpuTime().toSeconds()),
        limits.fileBytes().isPresent() ? Long.toString(limits.fileBytes().getAsLong() >> 9) : "-");
  }

  private String kept(Identity self) {
    boolean any = settings.access() == Settings.Access.ANY_FILES;
    return any && self.has(CAP_DAC_OVERRIDE) ? ",+dac_override" : "";
  }

  /** Makes sure that a run could be started, and says which file would be run. */
  ProgramFile ready() {
    List<String> unused = trusted(List.of());
    return ProgramFile.of(Path.of(program()));
  }

  private String program() {
    return tool(settings.program(), "qemu-utils");
  }

  private static String tool(String name, String debianPackage) {
    if (name.startsWith("/")) {
      return require(name, debianPackage, Path.of(name));
    }
    for (String directory : path().split(File.pathSeparator, -1)) {
      Path found = Path.of(directory, name);
      if (found.isAbsolute() && Files.isExecutable(found) && Files.isRegularFile(found)) {
        return found.toString();
      }
    }
    throw missing(name, debianPackage);
  }

  private static String require(String name, String debianPackage, Path path) {
    if (!Files.isExecutable(path) || !Files.isRegularFile(path)) {
      throw missing(name, debianPackage);
    }
    return name;
  }

  private static N0Exception missing(String name, String debianPackage) {
    return new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        "qemu-img",
        "qemu-img: cannot start " + Rules.quote(name) + ", install " + debianPackage);
  }

  /** Who we are; read each time, since a program may drop its rights while it runs. */
  private record Identity(long user, BigInteger permitted) {
    static Identity read() {
      try {
        String status = Files.readString(Path.of("/proc/self/status"));
        return new Identity(
            Long.parseLong(first(USER, status)), new BigInteger(first(PERMITTED, status), 16));
      } catch (IOException e) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED, "qemu-img", "confine qemu-img: " + e.getMessage(), e);
      }
    }

    boolean has(int capability) {
      return permitted.testBit(capability);
    }

    /** A user other than root loses all by exec; root gets back what is not taken out of bounds. */
    boolean keepsUnlessBounded() {
      return has(CAP_SETPCAP) || (user == 0 && permitted.signum() != 0);
    }

    private static String first(Pattern pattern, String text) {
      Matcher matcher = pattern.matcher(text);
      if (!matcher.find()) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            "qemu-img",
            "confine qemu-img: /proc/self/status has no " + pattern);
      }
      return matcher.group(1);
    }
  }
}
