package io.n0stack.n0core.kvm.guest;

import java.util.List;

/**
 * What an agent says of itself.
 *
 * @param version its version
 * @param commands its commands
 * @since 0.1
 */
public record AgentInfo(String version, List<Command> commands) {
  /** Copies the list. */
  public AgentInfo {
    commands = List.copyOf(commands);
  }

  static AgentInfo from(GuestResult result) {
    return new AgentInfo(
        result.text("/version"), result.optList("/supported_commands", Command::from));
  }

  /**
   * Tells whether a command can be used.
   *
   * @param command its name
   * @return whether the agent has it and allows it
   */
  public boolean supports(String command) {
    return commands.stream().anyMatch(each -> each.name().equals(command) && each.enabled());
  }

  /**
   * A command of the agent.
   *
   * @param name its name
   * @param enabled whether the agent allows it
   * @param answered whether it is answered if it succeeds
   * @since 0.1
   */
  public record Command(String name, boolean enabled, boolean answered) {
    static Command from(GuestResult result) {
      return new Command(
          result.text("/name"),
          result.flag("/enabled"),
          result.flagOr("/success-response", GuestResult.Choice.YES));
    }
  }
}
