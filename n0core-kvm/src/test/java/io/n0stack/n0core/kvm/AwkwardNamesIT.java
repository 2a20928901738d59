package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTls;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files, sockets, programs, taps and peers of a machine may be called anything that the kernel allows. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class AwkwardNamesIT {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final long SIZE = 8 << 20;
  private static final int ROUNDS =
      Integer.parseInt(System.getenv().getOrDefault("N0CORE_REPEAT", "1")) > 100 ? 50 : 2;

  @TempDir
  Path directory;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  @Test
  void everythingThatAMachineHasIsFoundUnderItsName() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      // An equals sign before any comma: QEMU's parsers take what stands before it for a key.
      String name = round == 0 ? "a=b,c" : round + Awkward.few(random);
      Path place = Files.createDirectory(directory.resolve(name));
      String at = "seed " + seed + ", round " + round + ", " + place;
      String tap = Awkward.link(random);
      Path netns = Files.createFile(place.resolve("n" + Awkward.text(random, 5)));
      String make = "ip tuntap add dev \"$1\" mode tap && ip link set dev \"$1\" up";
      Host.run("unshare", "--net=" + netns, "sh", "-c", make, "sh", tap);
      try {
        check(at, place, tap, netns);
      } finally {
        Host.run("umount", netns.toString());
      }
    }
  }

  private void check(String at, Path place, String tap, Path netns) throws Exception {
    Host host = new Host(place);
    ResourceId id = ResourceId.fresh("machine", "web1");
    Path key = Files.writeString(place.resolve("k" + Awkward.text(random, 6)), "a,b\"c\n'd");
    Path disc = file(place.resolve("c\n" + Awkward.text(random, 6)));
    Path plain = file(place.resolve("p\n" + Awkward.text(random, 6)));
    Path sealed = luks(place.resolve("s" + Awkward.text(random, 6)), key);
    Path shared = Files.createDirectory(place.resolve("d" + Awkward.text(random, 6)));
    Path shown = Files.createDirectory(place.resolve("r" + Awkward.text(random, 6)));
    KvmConfig config = KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withQemu(link(place, "/usr/bin/qemu-system-x86_64"))
        .withLaunch(launch(place, netns));
    StandaloneContext cx = new StandaloneContext(Duration.ofMinutes(3))
        .with("volume", "disc", volume(disc, ImageFormat.RAW, Optional.empty()))
        .with("volume", "plain", volume(plain, ImageFormat.RAW, Optional.empty()))
        .with(
            "volume", "sealed", volume(sealed, ImageFormat.QCOW2, Optional.of(new Encryption(key))))
        .with("port", "eth0", new PortStatus(tap, 1, "br0", Board.mac(0), 1500, 0));
    try (QemuMachineDriver driver = new QemuMachineDriver(config)) {
      driver.apply(cx, id, spec(shared, shown));

      Path run = present(driver, id).serialLog().resolveSibling("");
      try (QmpClient qmp = QmpClient.connect(run.resolve("qmp"), LIMIT)) {
        assertThat(nodes(qmp))
            .as(at)
            .containsEntry("disk-disc", disc.toString())
            .containsEntry("disk-plain", plain.toString())
            .containsEntry("flash-code", config.launch().ovmf().resolve("OVMF_CODE_4M.fd") + "");
        assertThat(nodes(qmp).get("disk-sealed")).as(at).contains("driver");
        assertThat(qmp.execute("query-vnc", LIMIT).flag("/enabled")).as(at).isTrue();
        assertThat(run.resolve("vnc")).as(at).exists();
        assertThat(qmp.execute("query-tpm", LIMIT).list("")).as(at).hasSize(1);
        assertThat(Board.parts(qmp)).as(at).contains("netdev net-eth0", "device disk-sealed");
      }
      assertThat(Host.run("nsenter", "--net=" + netns, "ip", "-o", "link", "show", "dev", tap))
          .as("%s: %s is in use", at, tap)
          .contains("LOWER_UP");
      assertThat(roots(host)).as(at).contains(shared.toString(), shown.toString());
      driver.delete(cx, id);
      await().until(() -> host.residue().isEmpty());
    } finally {
      host.cleanUp();
    }
  }

  private static MachineSpec spec(Path shared, Path shown) {
    return MachineSpec.builder(1, 64 << 20)
        .chipset(Chipset.Q35)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.OFF))
        .display(Display.VNC)
        .disk("plain")
        .disk("sealed")
        .nic("eth0")
        .hardware(new Hardware(
            Optional.empty(),
            Optional.empty(),
            List.of(
                new Share("data", shared, Share.Access.READ_WRITE),
                new Share("docs", shown, Share.Access.READ_ONLY)),
            Optional.of(Hardware.Tpm.VERSION_2_0),
            Optional.empty(),
            Optional.empty(),
            List.of(),
            List.of(Cdrom.of("cd", "disc"))))
        .build();
  }

  private LaunchConfig launch(Path place, Path netns) throws IOException {
    Path ovmf = place.resolve("o" + Awkward.text(random, 6));
    Files.createSymbolicLink(ovmf, Path.of("/usr/share/OVMF"));
    LaunchConfig usual = LaunchConfig.standard();
    return new LaunchConfig(
        Optional.empty(),
        usual.cgroupParent(),
        usual.scope(),
        ovmf,
        link(place, "/usr/bin/swtpm"),
        link(place, usual.virtiofsd()),
        Optional.of(netns),
        usual.serialLogBytes(),
        usual.qemuLogBytes());
  }

  /** Another name of a program. */
  private String link(Path place, String program) throws IOException {
    Path link = place.resolve("x" + Awkward.text(random, 4) + Path.of(program).getFileName());
    return Files.createSymbolicLink(link, Path.of(program)).toString();
  }

  private static Path file(Path file) throws IOException {
    return Files.write(file, new byte[(int) SIZE]);
  }

  private Path luks(Path image, Path key) throws Exception {
    Path plainKey = Files.copy(key, directory.resolve("key" + random.nextLong()));
    Path plain = directory.resolve("sealed" + random.nextLong());
    Host.luks(plain, plainKey);
    return Files.move(plain, image);
  }

  private static VolumeStatus volume(Path file, ImageFormat format, Optional<Encryption> sealed) {
    return new VolumeStatus(file, format, SIZE, 0, Optional.empty(), sealed);
  }

  private static Map<String, String> nodes(QmpClient qmp) {
    Map<String, String> nodes = new HashMap<>();
    for (QmpResult node : qmp.execute("query-named-block-nodes", LIMIT).list("")) {
      nodes.put(node.text("/node-name"), node.text("/file"));
    }
    return nodes;
  }

  /** The directories that processes of the host's machines have as their roots. */
  private static List<String> roots(Host host) {
    return host.processes().stream()
        .flatMap(pid -> ownMounts(pid).stream())
        .map(line -> line.split(" ", -1))
        .filter(words -> words[4].equals("/"))
        .map(words -> unescaped(words[3]))
        .toList();
  }

  private static List<String> ownMounts(long pid) {
    try {
      return Files.readAllLines(Path.of("/proc/" + pid + "/mountinfo"));
    } catch (IOException e) {
      return List.of(); // it has ended
    }
  }

  /** See proc_pid_mountinfo(5). */
  private static String unescaped(String path) {
    return path.replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\043", "#")
        .replace("\\134", "\\");
  }

  @Test
  void aMachineMovesThroughSocketsAndCertificatesOfAnyName() throws Exception {
    Path place = Files.createDirectory(directory.resolve(Awkward.few(random)));
    String at = "seed " + seed + ", " + place;
    Path left = file(place.resolve("l\n" + Awkward.text(random, 6)));
    Path right = file(place.resolve("r\n" + Awkward.text(random, 6)));
    TwoHosts hosts = new TwoHosts(
        place,
        () -> Host.context().with("volume", "root", volume(left, ImageFormat.RAW, none())),
        () -> Host.context().with("volume", "root", volume(right, ImageFormat.RAW, none())));
    try {
      MachineSpec spec = hosts.left.nano(Chipset.Q35).bootDisk("root").build();
      hosts.agent(hosts.left).apply(hosts.leftContext.get(), hosts.id, spec);
      MigrationReport first = hosts.migrate(
          hosts.left, hosts.right, MigrationReception.unix().withDisks(), MigrationOptions.usual());
      assertThat(hosts.runs(hosts.right)).as("%s: %s", at, first).isTrue();
      hosts.agent(hosts.left).delete(Host.context(), hosts.id);

      back(at, hosts, new Certificates(place.resolve("t" + Awkward.text(random, 5))));
    } finally {
      hosts.cleanUp();
    }
  }

  /** Moves it to the left again, encrypted. */
  private static void back(String at, TwoHosts hosts, Certificates authority) throws Exception {
    String name = "le,ft\"'=;";
    MigrationTls server = MigrationTls.of(authority.sign("server", "right", "IP:127.0.0.1"));
    MigrationTls client = MigrationTls.of(authority.sign("client", name, "DNS:left"));
    MigrationOptions options = MigrationOptions.usual().withTls(client);
    MigrationReception wrong = MigrationReception.tcp("127.0.0.1")
        .withDisks()
        .withTls(server.withPeer("CN=" + name)); // as nobody writes it: the comma ends a part
    assertThatExceptionOfType(N0Exception.class)
        .as(at)
        .isThrownBy(() -> hosts.migrate(hosts.right, hosts.left, wrong, options));
    assertThat(hosts.runs(hosts.right)).as(at).isTrue();

    String escaped = name.replaceAll("[,\";]", "\\\\$0"); // RFC 4514
    MigrationReport second = hosts.migrate(
        hosts.right,
        hosts.left,
        MigrationReception.tcp("127.0.0.1").withDisks().withTls(server.withPeer("CN=" + escaped)),
        options);

    assertThat(hosts.runs(hosts.left)).as("%s: %s", at, second).isTrue();
    assertThat(hosts.running()).as(at).isEqualTo(1);
  }

  private static Optional<Encryption> none() {
    return Optional.empty();
  }
}
