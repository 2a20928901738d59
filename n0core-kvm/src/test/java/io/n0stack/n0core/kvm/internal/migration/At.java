package io.n0stack.n0core.kvm.internal.migration;

/** Where an agent is in an operation; lost when it dies. */
enum At {
  IDLE,
  SENDING,
  HANDING,
  STREAMING,
  LOOKING,
  ASKING_BACK,
  RELEASED,
  ASKING,
  REFUSING,
  KEEPING,
  KEPT,
  LEAVING,
  TAKING,
  TOOK,
  CAME,
  ENDING,
  PREPARING,
  PREPARED
}
