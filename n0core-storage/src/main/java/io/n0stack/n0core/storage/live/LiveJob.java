package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.storage.internal.Failures;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A job on a disk of a running machine. It goes on whether or not anybody waits for it, and also when
 * the process that started it dies; {@link LiveVolume#jobs()} finds it again.
 *
 * <p>A job that has ended stays with QEMU until it is settled by {@link #complete}, {@link #detach} or
 * {@link #cancel}, which put away what it leaves behind. Each may be called again after it has failed or
 * its outcome is unknown.
 *
 * <p>Thread-safe: it can be cancelled while another thread waits for it.
 *
 * @since 0.1
 */
public final class LiveJob {
  private static final Logger LOG = LoggerFactory.getLogger(LiveJob.class);
  private static final Duration LOOK = Duration.ofMillis(250); // events are hints, they may be lost

  private final Disk disk;
  private final JobId id;
  private final SnapshotConsistency consistency;
  private volatile boolean settled;

  /**
   * Makes a job.
   *
   * @param disk what it works on
   * @param id its id
   */
  LiveJob(Disk disk, JobId id) {
    this(disk, id, SnapshotConsistency.CRASH);
  }

  LiveJob(Disk disk, JobId id, SnapshotConsistency consistency) {
    this.disk = disk;
    this.id = id;
    this.consistency = consistency;
  }

  /** Makes a job for which there is nothing left to do. */
  static LiveJob done(Disk disk, JobId id) {
    LiveJob job = new LiveJob(disk, id);
    job.settled = true;
    return job;
  }

  /** What to ask of a job that is ready. */
  private enum End {
    COMPLETE,
    DETACH
  }

  /**
   * Returns its id in QEMU.
   *
   * @return an id that bears n0core's stamp and the volume's uid
   */
  public String id() {
    return id.toString();
  }

  /**
   * Returns what it does.
   *
   * @return its kind
   */
  public JobKind kind() {
    return id.kind();
  }

  /**
   * Returns what a guest finds that is started on what it has copied.
   *
   * @return FROZEN for a backup at whose moment the guest was frozen; CRASH for all else, and for a job that was
   *     found running
   */
  public SnapshotConsistency consistency() {
    return consistency;
  }

  /**
   * Asks how far it is.
   *
   * @return its status now
   * @throws N0Exception UNAVAILABLE if the machine cannot be asked; PRECONDITION if it is not running
   */
  public JobStatus status() {
    return disk.job(id);
  }

  /**
   * Waits until it is ready or has ended, and changes nothing: a mirror that is ready, and a commit of the
   * active layer, goes on until it is told to complete.
   *
   * @param cx progress, cancellation (which leaves the job as it is), deadline
   * @return its status
   * @throws N0Exception CANCELLED or UNAVAILABLE, as for {@link Context#progress}; PRECONDITION if the
   *     machine has ended, and the job with it
   */
  public JobStatus awaitReady(Context cx) {
    while (true) {
      JobStatus now = status();
      if (now.state() == JobState.READY
          || now.state() == JobState.PENDING
          || now.state() == JobState.CONCLUDED
          || now.state() == JobState.GONE) {
        return now;
      }
      pause(cx, now);
    }
  }

  /**
   * Brings it to its end: waits, tells it to complete when it is ready, and settles it. After that the
   * machine uses the target of a mirror, and the base of a commit.
   *
   * @param cx progress; cancellation, which cancels the job too; deadline, after which the job goes on, unless
   *     it is about to change over
   * @throws JobFailedException if it ended with an error; the volume is as it was
   * @throws UnknownOutcomeException if the line broke and the machine cannot be asked; call again
   * @throws N0Exception PRECONDITION if the machine has ended, and the job with it; NOT_FOUND if QEMU does
   *     not know the job; CANCELLED if it was cancelled; UNAVAILABLE if the time is up
   */
  public void complete(Context cx) {
    complete(cx, () -> {});
  }

  /**
   * The same, with work at the last moment before the machine uses the base of a commit of the active layer.
   * Both files are the same then, and what the guest writes waits for the end of the work: so a note of it holds,
   * whether the machine changes over or ends in between. The work may be done more than once, if the process dies
   * in it, and not at all, if the job is another one or has ended already. If this process dies, the guest waits
   * until the volume is opened and the job completed by another.
   *
   * @param cx as for {@link #complete(Context)}
   * @param whileEqual the work, brief; if it throws, the job is cancelled and the machine goes on with the layer it has
   * @throws JobFailedException as for {@link #complete(Context)}, also after the work was done
   * @throws N0Exception as for {@link #complete(Context)}
   */
  public void complete(Context cx, Runnable whileEqual) {
    end(cx, End.COMPLETE, whileEqual);
  }

  /**
   * Ends a mirror without changing over: the target keeps what the volume held at that moment, and the
   * machine goes on with the file that it has.
   *
   * @param cx progress; cancellation, which cancels the job too; deadline, after which the job goes on
   * @throws JobFailedException if it ended with an error
   * @throws N0Exception PRECONDITION if it is no mirror; otherwise as for {@link #complete}
   */
  public void detach(Context cx) {
    if (id.kind() != JobKind.MIRROR) {
      throw disk.refused(N0Exception.Code.PRECONDITION, "job " + id + " is no mirror");
    }
    end(cx, End.DETACH, () -> {});
  }

  /**
   * Changes the rate at which it copies.
   *
   * @param bytesPerSecond bytes in a second, 0 for as fast as it can
   * @throws N0Exception PRECONDITION if it has ended; NOT_FOUND if QEMU does not know it
   */
  public void limitRate(long bytesPerSecond) {
    Rules.range("bytesPerSecond", bytesPerSecond, 0, Long.MAX_VALUE);
    disk.wire()
        .change(
            "block-job-set-speed", Map.of("device", id(), "speed", bytesPerSecond), () -> false);
  }

  private void end(Context cx, End end, Runnable whileEqual) {
    boolean told = false;
    while (!settled) {
      JobStatus now = status();
      if (now.state() == JobState.CONCLUDED) {
        settle(now);
        throwIfFailed(now);
        return;
      }
      if (now.state() == JobState.GONE) {
        requireMade();
        return;
      }
      if (now.state() == JobState.PENDING && id.kind() == JobKind.COMMIT) {
        changeOver(whileEqual);
        continue;
      }
      if (now.state() == JobState.READY && !told) {
        tell(end);
        told = true;
      }
      pauseOrCancel(cx, now, told);
    }
  }

  private void changeOver(Runnable whileEqual) {
    boolean unused = Failures.undoing(
        () -> {
          whileEqual.run();
          return true;
        },
        () -> cancel(disk.wire().limit()));
    try {
      disk.wire()
          .change("job-finalize", Map.of("id", id()), () -> status().state() != JobState.PENDING);
    } catch (BlockCommandException e) {
      if (status().state() == JobState.PENDING) {
        throw e;
      }
    }
  }

  private void tell(End end) {
    String command = end == End.COMPLETE ? "job-complete" : "block-job-cancel";
    Map<String, ?> arguments =
        end == End.COMPLETE ? Map.of("id", id()) : Map.of("device", id(), "force", false);
    try {
      disk.wire().change(command, arguments, () -> hasLeft(JobState.READY));
    } catch (BlockCommandException e) {
      if (!hasLeft(JobState.READY)) {
        throw e;
      }
    }
  }

  private boolean hasLeft(JobState state) {
    JobState now = status().state();
    return now != state && now != JobState.RUNNING && now != JobState.PAUSED;
  }

  private boolean isEnding() {
    JobState now = status().state();
    return now == JobState.ENDING || now == JobState.CONCLUDED || now == JobState.GONE;
  }

  private void pauseOrCancel(Context cx, JobStatus now, boolean told) {
    try {
      pause(cx, now);
    } catch (N0Exception e) {
      // A commit that is about to change over would make the guest wait for somebody to come.
      boolean holdsUp = told && id.kind() == JobKind.COMMIT;
      if (e.code() != N0Exception.Code.CANCELLED && !holdsUp) {
        throw e;
      }
      boolean interrupted = Thread.interrupted(); // or nothing could be asked of the machine
      try {
        if (cancel(disk.wire().limit()).error().isPresent()) {
          throw e;
        }
      } catch (N0Exception failure) {
        if (failure != e) {
          e.addSuppressed(failure);
        }
        throw e;
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  private void pause(Context cx, JobStatus now) {
    cx.progress(now.fraction(), id.kind().word());
    Duration left = cx.remaining();
    if (left.isZero()) {
      throw disk.refused(N0Exception.Code.UNAVAILABLE, "the time is up for job " + id);
    }
    disk.wire().pause(left.compareTo(LOOK) < 0 ? left : LOOK);
  }

  /**
   * Cancels it and settles it. The volume is as it was before. One that had ended, or came to its end in
   * that moment, is settled for what it is.
   *
   * @param timeout the time to wait for its end
   * @return how it ended; no error if it was done before it could be cancelled
   * @throws OperationTimeoutException if it has not ended in time; it may yet do so
   * @throws UnknownOutcomeException if the line broke and the machine cannot be asked; call again
   * @throws N0Exception PRECONDITION if the machine has ended, and the job with it
   */
  public JobStatus cancel(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    boolean told = false;
    while (true) {
      JobStatus now = status();
      if (now.state() == JobState.GONE) {
        boolean undone = id.kind() == JobKind.STREAM && !settled && !isMade(disk, id);
        return undone ? forgotten(now) : now;
      }
      if (now.state() == JobState.CONCLUDED) {
        settle(now);
        return now;
      }
      if (!told && now.state() != JobState.ENDING) {
        tellToCancel();
        told = true;
        continue;
      }
      Duration left = Duration.ofNanos(end - System.nanoTime());
      if (left.isNegative()) {
        throw new OperationTimeoutException("cancel job " + id, timeout);
      }
      disk.wire().pause(left.compareTo(LOOK) < 0 ? left : LOOK);
    }
  }

  private void tellToCancel() {
    BooleanSupplier ends = this::isEnding;
    try {
      disk.wire().change("job-cancel", Map.of("id", id()), ends);
    } catch (BlockCommandException e) {
      if (!ends.getAsBoolean()) {
        throw e;
      }
    }
  }

  /** Puts away what the job leaves, and lets QEMU forget it last, so that all this can be repeated. */
  private void settle(JobStatus end) {
    follow(end);
    disk.sweep(foreign());
    if (end.error().isPresent() && id.kind() == JobKind.BACKUP && !id.rest().isEmpty()) {
      new LiveBitmaps(disk).remove(id.rest());
    }
    BooleanSupplier gone = () -> status().state() == JobState.GONE;
    try {
      disk.wire().change("job-dismiss", Map.of("id", id()), gone);
    } catch (BlockCommandException e) {
      if (!gone.getAsBoolean()) {
        throw e;
      }
    }
    disk.sweep(foreign()); // only now does a commit or stream let go of what lay between
    settled = true;
    LOG.info(
        "{}: {} of {} ended: {}",
        disk.wire().machine(),
        id.kind().word(),
        disk.volume(),
        end.error().orElse("done"));
  }

  private String foreign() {
    return id.kind() == JobKind.BACKUP ? "" : id.rest();
  }

  /** Looks at the volume from a layer that stays. */
  private void follow(JobStatus end) {
    if (end.error().isPresent()) {
      return;
    }
    BlockGraph graph = disk.graph();
    if (id.kind() == JobKind.MIRROR) {
      String target = Names.nodePrefix(id.volume()) + id.first();
      if (graph.isUsed(target)) {
        disk.moveTo(target);
      }
    } else if (id.kind() == JobKind.COMMIT) {
      graph.images().stream()
          .filter(node -> graph.isUsed(node.name()) && mark(node).equals(id.second()))
          .findFirst()
          .ifPresent(node -> disk.moveTo(node.name()));
    }
  }

  private void throwIfFailed(JobStatus end) {
    if (end.error().isPresent()) {
      throw new JobFailedException(disk.volume().toString(), id(), end.error().get());
    }
  }

  /** QEMU forgets a stream when it ends: that it failed is seen by what is not there. */
  private JobStatus forgotten(JobStatus now) {
    String error =
        disk.wire().takeError(id()).orElse("ended, and why has been told to nobody who still is");
    return new JobStatus(id(), id.kind(), JobState.GONE, 0, now.totalBytes(), Optional.of(error));
  }

  /** Looks whether what a job is to bring about is there. A backup leaves no trace. */
  static boolean isMade(Disk disk, JobId id) {
    BlockGraph graph = disk.graph();
    List<String> marks =
        graph.chain(disk.root(graph)).stream().map(LiveJob::mark).toList();
    return switch (id.kind()) {
      case COMMIT -> !marks.contains(id.first()) && marks.contains(id.second());
      case STREAM ->
        id.second().equals(Names.mark(""))
            ? marks.size() == 1
            : marks.size() > 1 && marks.get(1).equals(id.second());
      case MIRROR -> marks.get(0).equals(id.first());
      case BACKUP -> false;
    };
  }

  private static String mark(LiveNode node) {
    return Names.mark(node.file().map(Path::toString).orElse("\0" + node.name()));
  }

  private void requireMade() {
    boolean there = isMade(disk, id);
    if (!there && id.kind() == JobKind.STREAM) {
      settled = true;
      throwIfFailed(forgotten(status()));
    }
    if (!there) {
      throw disk.refused(
          N0Exception.Code.NOT_FOUND,
          "the machine knows no job " + id + ": it has been settled, or QEMU was started anew");
    }
    disk.sweep(foreign());
    settled = true;
  }

  /** Returns id and volume. */
  @Override
  public String toString() {
    return "job " + id + " on " + disk.volume();
  }
}
