package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Two drivers with a directory each, and the way from one's agent to the other's. */
final class TwoHosts {
  static final Duration LIMIT = Duration.ofSeconds(10);
  private static final Logger LOG = LoggerFactory.getLogger(TwoHosts.class);

  final ResourceId id;
  final Host left;
  final Host right;
  final Supplier<StandaloneContext> leftContext;
  final Supplier<StandaloneContext> rightContext;
  private final Map<Host, QemuMachineDriver> agents = new HashMap<>();
  private LaunchConfig launch = LaunchConfig.standard();

  TwoHosts(Path directory) throws IOException {
    this(directory, Host::context, Host::context);
  }

  TwoHosts(Path directory, Supplier<StandaloneContext> left, Supplier<StandaloneContext> right)
      throws IOException {
    this(
        ResourceId.fresh("machine", "web1"),
        new Host(Files.createDirectory(directory.resolve("l"))),
        new Host(Files.createDirectory(directory.resolve("r"))),
        left,
        right);
  }

  private TwoHosts(
      ResourceId id,
      Host left,
      Host right,
      Supplier<StandaloneContext> leftContext,
      Supplier<StandaloneContext> rightContext) {
    this.id = id;
    this.left = left;
    this.right = right;
    this.leftContext = leftContext;
    this.rightContext = rightContext;
  }

  /** Uses what another process has prepared. */
  static TwoHosts existing(Path directory, ResourceId id) {
    return new TwoHosts(
        id,
        Host.existing(directory.resolve("l")),
        Host.existing(directory.resolve("r")),
        Host::context,
        Host::context);
  }

  static QemuMachineDriver open(Host host) {
    return new QemuMachineDriver(KvmConfig.of(host.root).withAccelerator(Accelerator.TCG));
  }

  /** Has agents that are opened from now on run QEMU in a network namespace. */
  void launchIn(String netns) {
    launch = launch.withNetworkNamespace(Path.of("/run/netns", netns));
  }

  /** The host's agent, which knows what it began. */
  QemuMachineDriver agent(Host host) {
    return agents.computeIfAbsent(
        host,
        its -> new QemuMachineDriver(
            KvmConfig.of(its.root).withAccelerator(Accelerator.TCG).withLaunch(launch)));
  }

  /** The host's agent dies; the next one knows what is on the disk. */
  void forget(Host host) {
    QemuMachineDriver agent = agents.remove(host);
    if (agent != null) {
      agent.close();
    }
  }

  static Migration migration(QemuMachineDriver driver) {
    return driver.capability(Migration.class).orElseThrow();
  }

  /** Prepares the one to receive from the other. */
  MigrationTerms prepared(Host from, Host to, MigrationReception reception) {
    Migration target = migration(agent(to));
    target.expect(migration(agent(from)).offer(id));
    return target.prepare(context(to), id, reception);
  }

  private StandaloneContext context(Host host) {
    return host == left ? leftContext.get() : rightContext.get();
  }

  MigrationReport migrate(
      Host from, Host to, MigrationReception reception, MigrationOptions options) {
    MigrationTerms terms = prepared(from, to, reception);
    return migration(agent(from)).migrate(context(from), id, terms, options, way(to));
  }

  /** The way to a host's agent. */
  MigrationTarget way(Host to) {
    return way(to, TwoHosts.this::context);
  }

  MigrationTarget way(Host to, java.util.function.Function<Host, StandaloneContext> contexts) {
    return new MigrationTarget() {
      @Override
      public Verdict takeOver(ResourceId machine, MigrationRelease release) {
        return migration(agent(to)).takeOver(contexts.apply(to), machine, release);
      }

      @Override
      public Verdict refuse(ResourceId machine, UUID token) {
        return migration(agent(to)).refuse(context(to), machine, token);
      }
    };
  }

  /** The way to an agent that is right here. */
  static MigrationTarget direct(Migration to, StandaloneContext cx) {
    return new MigrationTarget() {
      @Override
      public Verdict takeOver(ResourceId machine, MigrationRelease release) {
        return to.takeOver(cx, machine, release);
      }

      @Override
      public Verdict refuse(ResourceId machine, UUID token) {
        return to.refuse(cx, machine, token);
      }
    };
  }

  /** Says on how many hosts QEMU runs the guest. */
  int running() {
    int count = 0;
    for (Host host : List.of(left, right)) {
      if (runs(host)) {
        count++;
      }
    }
    assertThat(count).as("running copies").isLessThanOrEqualTo(1);
    return count;
  }

  boolean runs(Host host) {
    try (DirectoryStream<Path> launches =
        Files.newDirectoryStream(host.root.resolve(id.uid().toString()), "run.*")) {
      for (Path launch : launches) {
        if (asked(launch)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      return false;
    }
  }

  /** A driver holds one of the two monitors while it waits for a machine to come, mostly the first. */
  private static boolean asked(Path launch) {
    for (String monitor : List.of("rescue", "qmp")) {
      try (QmpClient client = QmpClient.connect(launch.resolve(monitor), LIMIT)) {
        return client.execute("query-status", LIMIT).flag("/running");
      } catch (N0Exception e) {
        LOG.debug("{} does not answer: {}", launch.resolve(monitor), e.getMessage());
      }
    }
    return false; // it is dead
  }

  /** Tells whether it runs on a host, and if not, what was found of it there. */
  String seen(Host host, Duration patience) throws IOException {
    StringBuilder found = new StringBuilder();
    try (DirectoryStream<Path> launches =
        Files.newDirectoryStream(host.root.resolve(id.uid().toString()), "run.*")) {
      for (Path launch : launches) {
        for (String monitor : List.of("rescue", "qmp")) {
          try (QmpClient client = QmpClient.connect(launch.resolve(monitor), patience)) {
            String status = client.execute("query-status", patience).text("/status");
            if (status.equals("running")) {
              return status;
            }
            found.append(monitor).append(" says ").append(status).append("; ");
          } catch (N0Exception e) {
            found.append(monitor).append(": ").append(e.getMessage()).append("; ");
          }
        }
        found.append(Files.readString(launch.resolve("qemu.log")));
        found.append(Files.readString(launch.resolve("serial.log"), StandardCharsets.ISO_8859_1));
      }
    }
    return found.append("processes ").append(host.processes()).toString();
  }

  static String reason(Host host, ResourceId id) {
    return Host.present(open(host), id).reason().orElse("");
  }

  static MachineState state(Host host, ResourceId id) {
    return Host.state(open(host), id);
  }

  void cleanUp() {
    for (Host host : List.of(left, right)) {
      forget(host);
      try (QemuMachineDriver driver = open(host)) {
        driver.delete(Host.context(), id);
        assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
      } finally {
        List<String> left = host.residue();
        host.cleanUp();
        assertThat(left).isEmpty();
      }
    }
  }
}
