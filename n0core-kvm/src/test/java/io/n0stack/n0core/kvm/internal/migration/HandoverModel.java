package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The migration protocol as the drivers do it, step by step, with the real state machine of {@link Handover}. An
 * agent can die between any two steps, a QEMU at any time, a host for a while, with what it had not yet on its disk, or
 * for ever; requests can be lost, late and repeated; QEMU itself lets its guest go on if it could not send all.
 */
final class HandoverModel {
  private static final List<UUID> TOKENS = List.of(new UUID(0, 1), new UUID(0, 2));

  /** What a QEMU does. */
  enum Vm {
    DEAD,
    RUNS,
    /** Source: all is sent. */
    COMPLETED,
    /** Target: nothing has come. */
    WAITS,
    /** Target: all has come. */
    ARRIVED
  }

  private static final String BOOT = "1";
  private static final String LATER_BOOT = "2";

  /**
   * One side.
   *
   * @param record what its agent reads
   * @param disk what it will read if the host is restarted
   */
  record Side(Handover record, Handover disk, Vm vm, At at, boolean lost) {
    Side record(Handover next, At then) {
      return new Side(next, next, vm, then, lost);
    }

    /** Is not waited for. */
    Side noted(Handover next, At then) {
      return new Side(next, disk, vm, then, lost);
    }

    Side vm(Vm next) {
      return new Side(record, disk, next, at, lost);
    }

    Side at(At next) {
      return new Side(record, disk, vm, next, lost);
    }

    Side restarted() {
      return new Side(disk, disk, Vm.DEAD, At.IDLE, lost);
    }

    boolean settledForGood() {
      return record.settled() && disk.equals(record);
    }
  }

  /**
   * All of it.
   *
   * @param s the source
   * @param t the target
   * @param stream the token under which is being sent
   * @param holds the token for which the target's QEMU was started
   * @param stale whether the source has run since the target's memory came
   * @param restarted whether the target's host was restarted since it began the attempt
   * @param ran whether the target has run what the source's memory does not know of
   * @param known what was ever said: tokens issued, requests made, verdicts given
   */
  record State(
      Side s,
      Side t,
      Optional<UUID> stream,
      Optional<UUID> holds,
      boolean stale,
      boolean restarted,
      boolean ran,
      Set<String> known) {
    State s(Side next) {
      boolean began = next.vm() == Vm.RUNS && s.vm() != Vm.RUNS;
      boolean sends = next.vm() != Vm.DEAD;
      return new State(
          next, t, sends ? stream : Optional.empty(), holds, stale || began, restarted, ran, known);
    }

    State t(Side next) {
      boolean runs = next.vm() == Vm.RUNS;
      return new State(s, next, stream, holds, stale, restarted, ran || runs, known);
    }

    State sends(Optional<UUID> token) {
      return new State(s, t, token, holds, stale, restarted, ran, known);
    }

    State holds(UUID token) {
      return new State(s, t, stream, Optional.of(token), stale, restarted, ran, known);
    }

    State fresh(boolean now) {
      return new State(s, t, stream, holds, !now, restarted, ran, known);
    }

    State restarted(boolean now) {
      return new State(s, t, stream, holds, stale, now, ran, known);
    }

    State says(String what) {
      Set<String> more = new HashSet<>(known);
      more.add(what);
      return new State(s, t, stream, holds, stale, restarted, ran, Set.copyOf(more));
    }

    boolean heard(String what, UUID token) {
      return known.contains(what + index(token));
    }

    static int index(UUID token) {
      return TOKENS.indexOf(token);
    }
  }

  /** What exploring found. */
  record Result(int states, Optional<String> violation, Optional<State> beyondRecovery) {}

  private final Set<Flaw> flaws;
  private Optional<String> violation = Optional.empty();

  HandoverModel(Set<Flaw> flaws) {
    this.flaws = flaws;
  }

  Result explore() {
    Handover none = Handover.none();
    State start = new State(
        new Side(none, none, Vm.RUNS, At.IDLE, false),
        new Side(none.firstExpected(), none.firstExpected(), Vm.DEAD, At.IDLE, false),
        Optional.empty(),
        Optional.empty(),
        false,
        false,
        false,
        Set.of());
    Map<State, List<State>> before = new HashMap<>();
    Deque<State> open = new ArrayDeque<>();
    before.put(start, new ArrayList<>());
    open.add(start);
    while (!open.isEmpty() && violation.isEmpty()) {
      State state = open.remove();
      check(state);
      for (State next : work(state)) {
        visit(next, before, open).add(state);
      }
      for (State next : harm(state)) {
        List<State> unused = visit(next, before, open);
      }
    }
    return new Result(before.size(), violation, beyond(before));
  }

  /** Returns the list of the states that work leads from to the next. */
  private static List<State> visit(State next, Map<State, List<State>> before, Deque<State> open) {
    return before.computeIfAbsent(next, fresh -> {
      open.add(fresh);
      return new ArrayList<>();
    });
  }

  /** Finds a state from which no work, with nothing more going wrong, leads to a machine that runs at its owner's. */
  private static Optional<State> beyond(Map<State, List<State>> before) {
    Deque<State> open = new ArrayDeque<>();
    Set<State> good = new HashSet<>();
    for (State state : before.keySet()) {
      if (owns(state.s()) || owns(state.t()) || (state.s().lost() && state.t().lost())) {
        good.add(state);
        open.add(state);
      }
    }
    while (!open.isEmpty()) {
      for (State earlier : before.getOrDefault(open.remove(), List.of())) {
        if (good.add(earlier)) {
          open.add(earlier);
        }
      }
    }
    return before.keySet().stream().filter(state -> !good.contains(state)).findFirst();
  }

  private static boolean owns(Side side) {
    return side.settledForGood() && side.vm() == Vm.RUNS && side.at() == At.IDLE && !side.lost();
  }

  private void check(State state) {
    if (state.s().vm() == Vm.RUNS && state.t().vm() == Vm.RUNS) {
      violation = Optional.of("two copies run: " + state);
    }
    if (state.s().record().settled()
        && state.t().record().settled()
        && !state.s().lost()
        && !state.t().lost()) {
      violation = Optional.of("two owners: " + state);
    }
  }

  private List<State> harm(State state) {
    List<State> all = new ArrayList<>();
    Side s = state.s();
    Side t = state.t();
    all.add(state.s(s.at(At.IDLE)));
    all.add(state.t(t.at(At.IDLE)));
    all.add(state.s(s.vm(Vm.DEAD)));
    all.add(state.t(t.vm(Vm.DEAD)));
    all.add(state.s(s.restarted()));
    all.add(state.t(t.restarted()).restarted(true));
    all.add(state.s(new Side(s.record(), s.record(), Vm.DEAD, At.IDLE, true)));
    all.add(state.t(new Side(t.record(), t.record(), Vm.DEAD, At.IDLE, true)));
    all.add(state.t(new Side(t.disk(), t.disk(), Vm.DEAD, At.IDLE, true)).restarted(true));
    return all;
  }

  private List<State> work(State state) {
    List<State> all = new ArrayList<>();
    stream(state, all);
    Side t = state.t();
    // What is not waited for comes to the disk in its own time.
    all.add(state.t(new Side(t.record(), t.record(), t.vm(), t.at(), t.lost())));
    if (!state.s().lost()) {
      source(state, all);
      decideAtSource(state, all);
    }
    if (!state.t().lost()) {
      target(state, all);
      requests(state, all);
      decideAtTarget(state, all);
    }
    return all;
  }

  /** QEMU sends on whether or not its agent lives. */
  private void stream(State state, List<State> all) {
    if (state.stream().isEmpty() || state.s().vm() != Vm.RUNS) {
      return;
    }
    State ended = state.sends(Optional.empty());
    boolean meets = state.t().vm() == Vm.WAITS && state.holds().equals(state.stream());
    if (meets) {
      State came = ended.t(state.t().vm(Vm.ARRIVED));
      all.add(came.s(state.s().vm(Vm.COMPLETED)).fresh(true));
      // All has come, but that it has is not heard: QEMU lets the guest go on by itself.
      all.add(came.fresh(false));
      all.add(ended.t(state.t().vm(Vm.DEAD)));
    }
    all.add(ended);
  }

  private void source(State state, List<State> all) {
    Side s = state.s();
    Handover record = s.record();
    switch (s.at()) {
      case IDLE -> idle(state, all);
      case SENDING -> {
        all.add(state.s(s.record(record.handingOver(), At.HANDING)));
        all.add(state.s(s.at(At.KEEPING)));
      }
      case HANDING -> {
        all.add(state.s(s.at(At.STREAMING)).sends(record.token()));
        all.add(state.s(s.at(At.KEEPING)));
      }
      case STREAMING -> {
        if (s.vm() == Vm.COMPLETED || flaws.contains(Flaw.RELEASES_BEFORE_QEMU_HAS_COMPLETED)) {
          all.add(
              state.s(s.at(At.ASKING)).says("take" + State.index(record.token().get())));
        }
        all.add(state.s(s.at(At.KEEPING)));
      }
      case LOOKING -> looking(state, all);
      case ASKING_BACK -> {
        answered(state, all);
        if (state.heard("lost", record.token().orElseThrow())) {
          all.add(
              state.s(s.at(At.ASKING)).says("take" + State.index(record.token().get())));
        }
        all.add(state.s(s.at(At.IDLE)));
      }
      case RELEASED ->
        all.add(
            state.s(s.at(At.ASKING)).says("take" + State.index(record.token().get())));
      case ASKING -> asking(state, all);
      case REFUSING -> {
        answered(state, all);
        if (state.heard("lost", record.token().orElseThrow())) {
          all.add(state.s(s.at(At.ASKING)));
        }
        if (flaws.contains(Flaw.RESUMES_WITHOUT_AN_ANSWER)) {
          all.add(state.s(s.record(record.resuming(), At.KEEPING)));
        }
        all.add(state.s(s.at(At.IDLE)));
      }
      case KEEPING -> {
        if (state.stream().isPresent()) {
          stream(state, all); // a cancellation comes too late, or not
          all.add(state.sends(Optional.empty()));
        } else {
          if (s.vm() == Vm.COMPLETED && state.ran() && !state.t().lost()) {
            violation = Optional.of("memory runs that the target has outlived: " + state);
          }
          all.add(state.s(s.vm(s.vm() == Vm.DEAD ? Vm.DEAD : Vm.RUNS).at(At.KEPT)));
        }
      }
      case KEPT -> all.add(state.s(s.record(record.owned(), At.IDLE)));
      case LEAVING -> all.add(state.s(s.vm(Vm.DEAD).at(At.IDLE)));
      default -> throw new IllegalStateException(s.at().toString());
    }
  }

  private void asking(State state, List<State> all) {
    Side s = state.s();
    Handover record = s.record();
    answered(state, all);
    if (record.phase() == Phase.HANDING_OVER && s.vm() != Vm.DEAD) {
      all.add(state.s(s.record(record.released(), At.ASKING)));
    } else {
      all.add(
          state.s(s.at(At.REFUSING)).says("refuse" + State.index(record.token().get())));
    }
  }

  /** An agent that does not know what one before it did. */
  private void looking(State state, List<State> all) {
    Side s = state.s();
    Handover record = s.record();
    if (state.stream().isPresent()) {
      stream(state, all); // a cancellation comes too late, or not
      all.add(state.sends(Optional.empty()));
    } else if (s.vm() == Vm.RUNS
        || (s.vm() == Vm.COMPLETED && flaws.contains(Flaw.KEEPS_WHAT_HAS_COMPLETED))
        || (s.vm() == Vm.DEAD && flaws.contains(Flaw.KEEPS_WHAT_HAS_DIED))) {
      all.add(state.s(s.at(At.KEEPING)));
    } else if (s.vm() == Vm.COMPLETED || flaws.contains(Flaw.RELEASES_WHAT_HAS_DIED)) {
      all.add(state.s(s.record(record.released(), At.RELEASED)));
    } else if (!flaws.contains(Flaw.NOBODY_SETTLES)) {
      all.add(state
          .s(s.at(At.ASKING_BACK))
          .says("refuse" + State.index(record.token().get())));
    }
  }

  private void answered(State state, List<State> all) {
    Side s = state.s();
    UUID token = s.record().token().orElseThrow();
    if (state.heard("taken", token)) {
      all.add(state.s(s.record(s.record().migrated(), At.LEAVING)));
    }
    if (state.heard("refused", token)) {
      all.add(state.s(s.record(s.record().resuming(), At.KEEPING)));
    }
  }

  private void idle(State state, List<State> all) {
    Side s = state.s();
    switch (s.record().phase()) {
      case SETTLED -> {
        if (s.vm() == Vm.DEAD) {
          all.add(state.s(s.vm(Vm.RUNS))); // by its power policy
        }
        for (UUID token : TOKENS) {
          if (s.vm() == Vm.RUNS && state.heard("issued", token)) {
            Handover sending = s.record().sending(token, MachineState.RUNNING);
            all.add(state.s(s.record(sending, At.SENDING)));
          }
        }
      }
      case SENDING, RESUMING -> all.add(state.s(s.at(At.KEEPING)));
      case HANDING_OVER -> all.add(state.s(s.at(At.LOOKING)));
      case RELEASED -> {
        if (!flaws.contains(Flaw.NOBODY_SETTLES)) {
          all.add(state.s(s.at(At.RELEASED)));
        }
      }
      case MIGRATED -> {
        if (flaws.contains(Flaw.BOOTS_WHAT_HAS_LEFT) && s.vm() == Vm.DEAD) {
          all.add(state.s(s.vm(Vm.RUNS)));
        }
        all.add(state.s(s.at(At.LEAVING)));
      }
      default -> throw new IllegalStateException(s.record().phase().toString());
    }
  }

  /** A person sees that the other host is no more. */
  private void decideAtSource(State state, List<State> all) {
    Side s = state.s();
    if (s.at() != At.IDLE || !state.t().lost()) {
      return;
    }
    if (s.record().phase() == Phase.RELEASED
        || (s.record().phase() == Phase.HANDING_OVER && s.vm() == Vm.DEAD)) {
      all.add(state.s(s.record(s.record().resuming(), At.KEEPING)));
    } else if (s.record().phase() == Phase.MIGRATED && s.vm() == Vm.DEAD) {
      all.add(state.s(s.record(s.record().reclaimed(), At.IDLE)));
    }
  }

  private void decideAtTarget(State state, List<State> all) {
    Side t = state.t();
    boolean waits = t.record().phase() == Phase.EXPECTED
        || t.record().phase() == Phase.INCOMING
        || t.record().phase() == Phase.REFUSED;
    if (t.at() == At.IDLE && state.s().lost() && waits && t.vm() == Vm.DEAD) {
      all.add(state.t(t.record(t.record().inherited(), At.IDLE)));
    }
    if (t.at() == At.IDLE && state.s().lost() && waits && t.vm() != Vm.DEAD) {
      all.add(state.t(t.record(t.record().expectedAgain(), At.IDLE).vm(Vm.DEAD)));
    }
  }

  private void target(State state, List<State> all) {
    Side t = state.t();
    Handover record = t.record();
    switch (t.at()) {
      case IDLE -> {
        idleTarget(state, all);
        prepare(state, all);
      }
      case TAKING -> {
        if (t.vm() == Vm.ARRIVED && state.stale()) {
          violation = Optional.of("old memory runs: " + state);
        }
        all.add(state.t(t.vm(t.vm() == Vm.DEAD ? Vm.DEAD : Vm.RUNS).at(At.TOOK)));
      }
      case TOOK -> {
        Handover owned = record.phase() == Phase.INCOMING // only with a flaw
            ? record.taking(MachineState.RUNNING).owned()
            : record.owned();
        all.add(state.t(t.noted(owned, At.CAME)));
      }
      case CAME -> {
        UUID token = record.taken().get(record.taken().size() - 1);
        all.add(state.t(t.record(record, At.IDLE)).says("taken" + State.index(token)));
      }
      case ENDING ->
        all.add(state
            .t(t.vm(Vm.DEAD).at(At.IDLE))
            .says("refused" + State.index(record.token().get())));
      case PREPARING -> all.add(state.t(t.vm(Vm.DEAD).at(At.PREPARED)));
      case PREPARED -> {
        if (record.phase() == Phase.INCOMING) {
          UUID token = record.token().orElseThrow();
          all.add(
              state.t(t.vm(Vm.WAITS).at(At.IDLE)).holds(token).says("issued" + State.index(token)));
        } else {
          all.add(state.t(t.at(At.IDLE))); // it fails
          TOKENS.stream()
              .filter(token -> !record.refused().contains(token))
              .filter(token -> !record.taken().contains(token))
              .findFirst()
              .ifPresent(token -> all.add(
                  state.t(t.record(record.incoming(token, BOOT), At.PREPARED)).restarted(false)));
        }
      }
      default -> throw new IllegalStateException(t.at().toString());
    }
  }

  private void idleTarget(State state, List<State> all) {
    Side t = state.t();
    switch (t.record().phase()) {
      case SETTLED -> {
        if (t.vm() == Vm.DEAD) {
          all.add(state.t(t.vm(Vm.RUNS))); // by its power policy
        }
      }
      case TAKING -> all.add(state.t(t.at(At.TAKING)));
      case REFUSED -> all.add(state.t(t.at(At.ENDING)));
      case EXPECTED, INCOMING -> {
        if (flaws.contains(Flaw.BOOTS_WHAT_IT_EXPECTS) && t.vm() == Vm.DEAD) {
          all.add(state.t(t.vm(Vm.RUNS)));
        }
        if (flaws.contains(Flaw.TAKES_WITHOUT_RELEASE) && t.vm() == Vm.ARRIVED) {
          all.add(state.t(t.record(t.record().taking(MachineState.RUNNING), At.TAKING)));
        }
      }
      default -> throw new IllegalStateException(t.record().phase().toString());
    }
  }

  private void prepare(State state, List<State> all) {
    Side t = state.t();
    boolean may = t.record().phase() == Phase.EXPECTED
        || t.record().phase() == Phase.INCOMING
        || t.record().phase() == Phase.REFUSED;
    boolean sure = !unsure(state) || flaws.contains(Flaw.PREPARES_WHAT_MAY_HAVE_RUN);
    if (may && sure) {
      all.add(state.t(t.record(t.record().expectedAgain(), At.PREPARING)));
    }
  }

  /** What was ever asked can come now. */
  private void requests(State state, List<State> all) {
    Side t = state.t();
    if (t.at() != At.IDLE) {
      return;
    }
    for (UUID token : TOKENS) {
      boolean take = state.heard("take", token);
      boolean refuse = state.heard("refuse", token);
      if (take || refuse) {
        Optional<Verdict> verdict = verdict(t.record(), token);
        boolean durable = t.disk().equals(t.record());
        if (verdict.isPresent() && durable && t.record().phase() != Phase.TAKING) {
          all.add(state.says(verdict.get().name().toLowerCase(Locale.ROOT) + State.index(token)));
        }
      }
      if (open(t.record(), token)) {
        if (take) {
          take(state, all);
        }
        if (refuse && unsure(state)) {
          if (!flaws.contains(Flaw.NEVER_SAYS_WHAT_IT_LOST)) {
            all.add(state.says("lost" + State.index(token)));
          }
        } else if (refuse) {
          refuse(state, all);
        }
      }
    }
  }

  private void take(State state, List<State> all) {
    Side t = state.t();
    Handover taking = t.record().taking(MachineState.RUNNING);
    if (t.vm() == Vm.ARRIVED) {
      all.add(state.t(
          flaws.contains(Flaw.RUNS_BEFORE_IT_IS_ON_RECORD)
              ? t.at(At.TAKING)
              : t.noted(taking, At.TAKING)));
    } else if (unsure(state)) {
      all.add(state.t(t.record(taking, At.TAKING))); // it comes as one that has crashed
    } else {
      refuse(state, all);
    }
  }

  private boolean unsure(State state) {
    String boot = state.restarted() ? LATER_BOOT : BOOT;
    return state.t().record().unsure(boot)
        && !flaws.contains(Flaw.TRUSTS_ITS_RECORD_AFTER_A_RESTART);
  }

  private void refuse(State state, List<State> all) {
    Side t = state.t();
    Handover refused = t.record().refusing();
    if (flaws.contains(Flaw.FORGETS_WHAT_IT_REFUSED)) {
      // It says so, but an emulator that has everything stays, under a token that is still good.
      all.add(state.says("refused" + State.index(t.record().token().get())));
      return;
    }
    all.add(state.t(t.record(refused, At.ENDING)));
  }

  private static Optional<Verdict> verdict(Handover record, UUID token) {
    try {
      return record.verdict(token);
    } catch (N0Exception e) {
      return Optional.empty();
    }
  }

  private static boolean open(Handover record, UUID token) {
    return record.phase() == Phase.INCOMING && record.token().equals(Optional.of(token));
  }
}
