package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.UUID;

/**
 * A compute driver's capability: moving a running machine to another host while its guest goes on.
 *
 * <p>Both hosts have an agent and a driver of their own, and share nothing but what the volumes share. The
 * machine keeps its identity. One after the other:
 *
 * <ol>
 *   <li>source: {@link #offer} describes the machine;
 *   <li>target: {@link #expect} reserves a place for it, which the agent adopts like an orphan;
 *   <li>target: {@link #prepare} starts an emulator that waits, and returns where to send to;
 *   <li>source: {@link #migrate} sends, stops, gives the machine away and has the target {@link #takeOver}.
 * </ol>
 *
 * <p>At no time can both run the guest, whoever dies when. The right to run it is named by a token, which is good
 * for one attempt. Before its memory is sent, the source has durably on record that it will not run the guest
 * again once all is sent, unless the target durably refuses the token; the target has durably on record which token
 * it waits under, and what it does is on record before it tells. So nothing waits for a disk while the guest
 * stands still. A machine whose owner cannot be told stays where it is and is reported, until {@link #settle}
 * reaches the other side or a person says what is the case.
 *
 * <p>Thread-safe.
 *
 * @since 0.1
 */
public interface Migration {
  /** Where a machine is on its way, as one host has it on record. */
  enum Phase {
    /** Not on the way: it belongs to this host. */
    SETTLED,
    /** Source: its disks are being copied, and it still belongs to this host. */
    SENDING,
    /**
     * Source: its memory is being sent. It belongs to this host until the emulator has sent all; from then on, or if
     * the emulator has died, only the target's word can bring it back.
     */
    HANDING_OVER,
    /** Source: it stands still and may have been given away; only the target's word can bring it back. */
    RELEASED,
    /** Source: the target has refused it, so that it goes on here. */
    RESUMING,
    /** Source: it belongs to the target; what is left here may be deleted. */
    MIGRATED,
    /** Target: a place is reserved. */
    EXPECTED,
    /** Target: an emulator waits for it or holds it, and must not run it. */
    INCOMING,
    /** Target: it belongs to this host and is about to run. */
    TAKING,
    /** Target: this host will never run it under this token. */
    REFUSED
  }

  /** What a target says of a token, once and for ever. */
  enum Verdict {
    /** The machine belongs to the target. */
    TAKEN,
    /** The target will never run it under this token. */
    REFUSED
  }

  /** What a person knows and no host can prove. A wrong statement can make a guest run twice. */
  enum Decision {
    /** Source: the target does not run it and never will; it goes on here, or can be booted again. */
    TARGET_NEVER_RUNS,
    /** Source: the target has it. */
    TARGET_RUNS,
    /** Target: the source has given it away, as its own record says, but cannot say so; what has arrived runs. */
    SOURCE_RELEASED,
    /** Target: the source does not run it and never will; it can be booted here, from its disks. */
    SOURCE_NEVER_RUNS
  }

  /**
   * Describes a machine to the host that is to take it. Changes nothing.
   *
   * @param machine a machine that runs or is paused
   * @return what the target needs to know
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off, on the way already, or a
   *     change of it is unfinished; UNSUPPORTED if it has a device that cannot be moved
   */
  MigrationOffer offer(ResourceId machine);

  /**
   * Reserves a place on the target, durably. The machine is then listed and observed as PREPARED, is never
   * started by itself, and can be deleted. If the agent dies meanwhile, there is nothing, or a reservation that
   * {@code apply} refuses until it is made again or deleted.
   *
   * @param offer what the source said
   * @throws N0Exception INVALID if the offer is damaged; UNSUPPORTED if this driver cannot make such a
   *     machine; ALREADY_EXISTS if the machine is here and has not left
   */
  void expect(MigrationOffer offer);

  /**
   * Starts an emulator on the target that waits for the guest. One that waited under an earlier token is
   * ended, and its token refused.
   *
   * @param cx progress and dependencies: its volumes, empty and of the same size if the disks are copied,
   *     and its ports
   * @param machine the machine expected
   * @param reception how it is sent
   * @return where the source is to send it; the token in it is a secret between both agents
   * @throws N0Exception PRECONDITION if it was not expected, or belongs to this host
   */
  MigrationTerms prepare(Context cx, ResourceId machine, MigrationReception reception);

  /**
   * Sends a machine and has the target take it over; the guest goes on here if that fails or is cancelled
   * before. Returns when the target runs it and the emulator here has ended.
   *
   * @param cx progress and cancellation
   * @param machine the machine
   * @param terms what the target said
   * @param options how hard to try
   * @param target the way to the target's agent
   * @return what it took
   * @throws N0Exception UNSUPPORTED if the options ask for what this driver cannot do; PRECONDITION if it is not
   *     running or paused, or a change of it is unfinished; CANCELLED if the guest goes on here
   *     because of a cancellation; UNAVAILABLE if sending failed, or nothing moved for {@link
   *     MigrationOptions#mostSilence}, and the guest goes on here, or if the target did not say whether it has taken
   *     over, or the emulator here does not answer: {@link #phase} tells, and {@link #settle} goes on
   */
  MigrationReport migrate(
      Context cx,
      ResourceId machine,
      MigrationTerms terms,
      MigrationOptions options,
      MigrationTarget target);

  /**
   * Ends what an agent that died, or could not reach the target, left undone on the source: a machine that was being
   * sent goes on here; one that was given away is offered to the target once more.
   *
   * @param cx progress
   * @param machine the machine
   * @param target the way to the target's agent
   * @return where it is now: TAKEN by the target, or REFUSED and going on here
   * @throws N0Exception UNAVAILABLE if the target does not answer, in which case nothing changes
   */
  Verdict settle(Context cx, ResourceId machine, MigrationTarget target);

  /**
   * Runs the machine on the target, if its memory has arrived and its token was not refused. Idempotent.
   *
   * @param cx progress; how long to wait for the last of its memory
   * @param machine the machine
   * @param release the source's statement that it has given the machine away
   * @return TAKEN if it belongs to this host, REFUSED if it never will
   * @throws N0Exception NOT_FOUND if nothing is known of it; UNAVAILABLE if it cannot be seen
   */
  Verdict takeOver(Context cx, ResourceId machine, MigrationRelease release);

  /**
   * Promises durably never to run the machine under a token, and ends the emulator that waits. Idempotent.
   *
   * @param cx progress
   * @param machine the machine
   * @param token the token
   * @return REFUSED, or TAKEN if the promise comes too late
   * @throws N0Exception NOT_FOUND if nothing is known of it; UNAVAILABLE if it cannot be seen; PRECONDITION if the
   *     host was restarted since, so that it may have run here for a moment: only {@link #takeOver} decides that
   */
  Verdict refuse(Context cx, ResourceId machine, UUID token);

  /**
   * Goes on by a person's word where neither host can prove who owns the machine.
   *
   * @param cx progress
   * @param machine the machine
   * @param decision what is the case
   * @throws N0Exception PRECONDITION if there is nothing of the kind to decide here
   */
  void decide(Context cx, ResourceId machine, Decision decision);

  /**
   * Tells where the machine is on its way.
   *
   * @param machine the machine
   * @return what this host has on record
   * @throws N0Exception NOT_FOUND if there is no such machine; UNAVAILABLE if that cannot be read
   */
  Phase phase(ResourceId machine);
}
