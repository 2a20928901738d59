package io.n0stack.n0core.kvm.internal;

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
 * agent can die between any two steps, a QEMU at any time, a host for ever; requests can be lost, late and
 * repeated; QEMU itself lets its guest go on if it could not send all.
 */
final class HandoverModel {
  private static final List<UUID> TOKENS = List.of(new UUID(0, 1), new UUID(0, 2));

  /** A rule of the protocol left out, to see that the model would notice. */
  enum Flaw {
    RELEASES_BEFORE_QEMU_HAS_COMPLETED,
    TAKES_WITHOUT_RELEASE,
    RUNS_BEFORE_IT_IS_ON_RECORD,
    RESUMES_WITHOUT_AN_ANSWER,
    FORGETS_WHAT_IT_REFUSED,
    BOOTS_WHAT_IT_EXPECTS,
    BOOTS_WHAT_HAS_LEFT,
    NOBODY_SETTLES
  }

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

  /** Where an agent is in an operation; lost when it dies. */
  enum At {
    IDLE,
    SENDING,
    RELEASED,
    ASKING,
    REFUSING,
    KEEPING,
    KEPT,
    LEAVING,
    TAKING,
    TOOK,
    ENDING,
    PREPARING,
    PREPARED
  }

  /** One side. */
  record Side(Handover record, Vm vm, At at, boolean lost) {
    Side record(Handover next, At then) {
      return new Side(next, vm, then, lost);
    }

    Side vm(Vm next) {
      return new Side(record, next, at, lost);
    }

    Side at(At next) {
      return new Side(record, vm, next, lost);
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
   * @param known what was ever said: tokens issued, requests made, verdicts given
   */
  record State(
      Side s,
      Side t,
      Optional<UUID> stream,
      Optional<UUID> holds,
      boolean stale,
      Set<String> known) {
    State s(Side next) {
      boolean ran = next.vm() == Vm.RUNS && s.vm() != Vm.RUNS;
      boolean sends = next.vm() != Vm.DEAD;
      return new State(next, t, sends ? stream : Optional.empty(), holds, stale || ran, known);
    }

    State t(Side next) {
      return new State(s, next, stream, holds, stale, known);
    }

    State sends(Optional<UUID> token) {
      return new State(s, t, token, holds, stale, known);
    }

    State holds(UUID token) {
      return new State(s, t, stream, Optional.of(token), stale, known);
    }

    State fresh(boolean now) {
      return new State(s, t, stream, holds, !now, known);
    }

    State says(String what) {
      Set<String> more = new HashSet<>(known);
      more.add(what);
      return new State(s, t, stream, holds, stale, Set.copyOf(more));
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
        new Side(none, Vm.RUNS, At.IDLE, false),
        new Side(none.firstExpected(), Vm.DEAD, At.IDLE, false),
        Optional.empty(),
        Optional.empty(),
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
    return side.record().settled() && side.vm() == Vm.RUNS && side.at() == At.IDLE && !side.lost();
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
    all.add(state.s(new Side(s.record(), Vm.DEAD, At.IDLE, true)));
    all.add(state.t(new Side(t.record(), Vm.DEAD, At.IDLE, true)));
    return all;
  }

  private List<State> work(State state) {
    List<State> all = new ArrayList<>();
    stream(state, all);
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
        if (s.vm() == Vm.COMPLETED || flaws.contains(Flaw.RELEASES_BEFORE_QEMU_HAS_COMPLETED)) {
          all.add(state.s(s.record(record.released(), At.RELEASED)));
        }
        all.add(state.s(s.at(At.KEEPING)));
      }
      case RELEASED ->
        all.add(
            state.s(s.at(At.ASKING)).says("take" + State.index(record.token().get())));
      case ASKING -> {
        answered(state, all);
        all.add(state
            .s(s.at(At.REFUSING))
            .says("refuse" + State.index(record.token().get())));
      }
      case REFUSING -> {
        answered(state, all);
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
          all.add(state.s(s.vm(s.vm() == Vm.DEAD ? Vm.DEAD : Vm.RUNS).at(At.KEPT)));
        }
      }
      case KEPT -> all.add(state.s(s.record(record.owned(), At.IDLE)));
      case LEAVING -> all.add(state.s(s.vm(Vm.DEAD).at(At.IDLE)));
      default -> throw new IllegalStateException(s.at().toString());
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
            all.add(state.s(s.record(sending, At.SENDING)).sends(Optional.of(token)));
          }
        }
      }
      case SENDING, RESUMING -> all.add(state.s(s.at(At.KEEPING)));
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
    if (s.record().phase() == Phase.RELEASED) {
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
      case TOOK ->
        all.add(state
            .t(t.record(
                flaws.contains(Flaw.RUNS_BEFORE_IT_IS_ON_RECORD)
                    ? record.taking(MachineState.RUNNING).owned()
                    : record.owned(),
                At.IDLE))
            .says("taken" + State.index(record.token().get())));
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
              .ifPresent(token -> all.add(state.t(t.record(record.incoming(token), At.PREPARED))));
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
    if (may) {
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
      if (take || state.heard("refuse", token)) {
        Optional<Verdict> verdict = verdict(t.record(), token);
        if (verdict.isPresent()) {
          all.add(state.says(verdict.get().name().toLowerCase(Locale.ROOT) + State.index(token)));
        }
      }
      if (open(t.record(), token)) {
        if (take && t.vm() == Vm.ARRIVED) {
          Handover next = flaws.contains(Flaw.RUNS_BEFORE_IT_IS_ON_RECORD)
              ? t.record()
              : t.record().taking(MachineState.RUNNING);
          all.add(state.t(t.record(next, At.TAKING)));
        } else if (take || state.heard("refuse", token)) {
          refuse(state, all);
        }
        if (take && state.heard("refuse", token)) {
          refuse(state, all);
        }
      }
    }
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
