/** The embeddable agent runtime. */
module io.n0stack.n0core.agent {
  exports io.n0stack.n0core.agent;

  requires transitive io.n0stack.n0core.api;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.datatype.jdk8;
  requires com.fasterxml.jackson.datatype.jsr310;
  requires jdk.jfr;
  requires org.slf4j;
  requires static transitive org.jspecify;
}
