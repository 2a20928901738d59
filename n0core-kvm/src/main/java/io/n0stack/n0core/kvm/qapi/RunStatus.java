package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * Whether the guest runs, and why not.
 *
 * @param running whether its processors run
 * @param status the state
 * @since 0.1
 */
public record RunStatus(boolean running, Term<RunState> status) {
  static RunStatus from(QmpResult result) {
    return new RunStatus(result.flag("/running"), Read.term(RunState.class, result, "/status"));
  }
}
