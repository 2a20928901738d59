package io.n0stack.n0core.tck;

/** What a fixture must provide for before the kit can try it. */
public enum Topic {
  /** Changes of a resource: {@link DriverFixture#changed}. */
  UPDATE("update"),
  /** Crashes of a real process: {@link DriverFixture#recipe}. */
  KILLED_PROCESS("killed process"),
  /** Things of others: {@link DriverFixture#plantForeign}. */
  FOREIGN_THINGS("foreign things"),
  /** A data plane that cannot be reached: {@link DriverFixture#cutOff}. */
  UNREACHABLE("unreachable data plane"),
  /** A resource that does not answer: {@link DriverFixture#silence}. */
  SILENT_RESOURCE("silent resource"),
  /** A full disk: {@link DriverFixture#fillDisk}. */
  DISK_FULL("disk full"),
  /** Hostile strings in specs: {@link DriverFixture#hostile}. */
  HOSTILE_SPEC("hostile spec"),
  /** Capabilities, those of the kit or of {@link DriverFixture#exercises}. */
  CAPABILITIES("capabilities");

  private final String title;

  Topic(String title) {
    this.title = title;
  }

  @Override
  public String toString() {
    return title;
  }
}
