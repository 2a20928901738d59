package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.BlockEvent;
import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.VolumeAccess;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A monitor's connection, lent to a storage driver. */
final class QmpBlockSession implements BlockSession {
  private static final Logger LOG = LoggerFactory.getLogger(QmpBlockSession.class);
  private static final Duration LOOK = Duration.ofSeconds(5);
  private static final Duration LONGEST_QUIET = Duration.ofMinutes(1);

  private final ResourceId machine;
  private final MachineDirectory directory;
  private final Run run;
  private final Monitor monitor;
  private final Freezer freezer;
  private final QemuCapabilities capabilities;
  // Moves events from the reader to the queues; one thread, so that they keep their order.
  private final ExecutorService mover;
  private final Set<Queue> queues = ConcurrentHashMap.newKeySet();

  /** Asks the machine what it can do. */
  QmpBlockSession(
      ResourceId machine, MachineDirectory directory, Run run, Monitor monitor, Freezer freezer) {
    this.machine = machine;
    this.directory = directory;
    this.run = run;
    this.monitor = monitor;
    this.freezer = freezer;
    QmpResult version = monitor.execute("query-version", Map.of(), LOOK);
    capabilities = new QemuCapabilities(
        (int) version.number("/qemu/major"),
        (int) version.number("/qemu/minor"),
        (int) version.number("/qemu/micro"),
        monitor.execute("query-commands", Map.of(), LOOK).list("").stream()
            .map(command -> command.text("/name"))
            .collect(Collectors.toSet()));
    mover = Executors.newSingleThreadExecutor(work -> {
      Thread thread = new Thread(work, "n0core-block-events-" + machine.name());
      thread.setDaemon(true);
      return thread;
    });
  }

  @Override
  public QemuCapabilities capabilities() {
    return capabilities;
  }

  @Override
  public String execute(String command, Map<String, ?> arguments, Duration deadline) {
    try {
      return VolumeAccess.allowing(
          directory,
          arguments,
          () -> monitor.execute(command, arguments, deadline).toString());
    } catch (QmpException e) {
      BlockCommandException refused =
          new BlockCommandException(machine.toString(), command, e.errorClass(), e.description());
      refused.initCause(e);
      throw refused;
    }
  }

  @Override
  public boolean quietly(Duration limit, Runnable work) {
    Rules.range("limit.millis", limit.toMillis(), 1, LONGEST_QUIET.toMillis());
    if (!guestListens()) {
      work.run();
      return false;
    }
    return freezer.quietly(machine, run, directory.snapshots(), limit, work);
  }

  /** A guest that stands still does not answer; and only the work matters if that cannot be told. */
  private boolean guestListens() {
    try {
      return monitor.state() == MachineState.RUNNING && GuestAgents.listens(monitor, run);
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      LOG.warn("{}: it is not frozen: {}", machine, e.getMessage());
      return false;
    }
  }

  @Override
  public BlockEvents events(int capacity) {
    Queue queue = new Queue((int) Rules.range("capacity", capacity, 1, 65_536));
    queues.add(queue);
    return queue;
  }

  @Override
  public void close() {
    queues.forEach(Queue::close); // the connection may live on
    monitor.close();
    mover.shutdown();
  }

  /** Events that wait to be taken. */
  private final class Queue implements BlockEvents, QmpListener {
    private final BlockingQueue<BlockEvent> waiting;
    private final AtomicLong lost = new AtomicLong();
    private final Subscription subscription;

    Queue(int capacity) {
      waiting = new ArrayBlockingQueue<>(capacity);
      subscription = monitor.subscribe(mover, this);
    }

    @Override
    public void event(QmpEvent event) {
      if (!waiting.offer(new BlockEvent(event.name(), event.data().toString(), event.at()))) {
        lost.incrementAndGet();
      }
    }

    @Override
    public void lost(long count) {
      lost.addAndGet(count);
    }

    @Override
    public long lost() {
      return lost.get();
    }

    @Override
    public Optional<BlockEvent> next(Duration timeout) {
      try {
        return Optional.ofNullable(waiting.poll(timeout.toNanos(), TimeUnit.NANOSECONDS));
      } catch (InterruptedException e) {
        throw N0Exception.interrupted("wait for an event of " + machine, e);
      }
    }

    @Override
    public void close() {
      subscription.close();
      queues.remove(this);
    }
  }
}
