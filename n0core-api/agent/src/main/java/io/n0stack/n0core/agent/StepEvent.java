package io.n0stack.n0core.agent;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** One step of an operation in a flight recording. */
@Name("io.n0stack.n0core.Step")
@Label("n0core Step")
@Category("n0core")
@StackTrace(false)
final class StepEvent extends Event {
  @Label("Operation")
  String operation = "";

  @Label("Verb")
  String verb = "";

  @Label("Kind")
  String kind = "";

  @Label("Name")
  String name = "";

  @Label("UID")
  String uid = "";

  @Label("Step")
  String step = "";

  @Label("Outcome")
  String outcome = "";
}
