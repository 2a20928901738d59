/** The conformance kit for driver implementers. */
module io.n0stack.n0core.tck {
  exports io.n0stack.n0core.tck;
  exports io.n0stack.n0core.tck.child;
  exports io.n0stack.n0core.tck.sim;

  requires transitive io.n0stack.n0core.agent;
  requires transitive io.n0stack.n0core.api;
  requires transitive org.junit.jupiter.api;
  requires org.assertj.core;
  requires transitive org.junit.platform.engine;
  requires org.junit.platform.launcher;
  requires static transitive org.jspecify;
}
