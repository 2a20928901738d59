package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a QEMU understands, as it tells itself ({@code query-qmp-schema}). Immutable, and the same for
 * all that run the same program.
 *
 * @since 0.1
 */
public final class QmpSchema {
  private static final String SUBJECT = "QMP schema";

  /**
   * An argument of a command.
   *
   * @param name its name
   * @param type its JSON type, such as {@code string} or {@code int}, or {@code enum}, {@code array},
   *     {@code object} or {@code alternate}
   * @param optional whether it can be left out
   * @param values an enum's values
   * @param features what else QEMU says of it, such as {@code deprecated}
   * @since 0.1
   */
  public record Argument(
      String name, String type, boolean optional, List<String> values, List<String> features) {
    /** Creates an argument. */
    public Argument {
      values = List.copyOf(values);
      features = List.copyOf(features);
    }
  }

  private final Map<String, SchemaEntry> entries;

  private QmpSchema(Map<String, SchemaEntry> entries) {
    this.entries = entries;
  }

  /**
   * Asks a QEMU. That takes it some 20 ms, see {@link QmpSchemas}.
   *
   * @param client the connection to it
   * @param deadline the time allowed
   * @return what it understands
   * @throws N0Exception as {@link QmpClient#execute(String, Map, Duration)} does
   */
  public static QmpSchema of(QmpClient client, Duration deadline) {
    return parse(client.line("query-qmp-schema", deadline));
  }

  /** Reads the line with QEMU's answer. */
  static QmpSchema parse(byte[] line) {
    try {
      return new QmpSchema(SchemaParser.parse(line));
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL, SUBJECT, "read " + SUBJECT + ": " + e.getMessage(), e);
    }
  }

  /**
   * Lists the commands.
   *
   * @return their names, sorted
   */
  public Set<String> commands() {
    return names("command");
  }

  /**
   * Lists the events.
   *
   * @return their names, sorted
   */
  public Set<String> events() {
    return names("event");
  }

  private Set<String> names(String kind) {
    Set<String> names = new TreeSet<>();
    entries.values().stream()
        .filter(entry -> entry.is(kind))
        .forEach(entry -> names.add(entry.name));
    return names;
  }

  /**
   * Lists what a command takes always; a union's other members depend on one of these.
   *
   * @param command the command's name
   * @return its arguments, in QEMU's order; empty if there is no such command
   */
  public Optional<List<Argument>> arguments(String command) {
    SchemaEntry entry = entries.get(command);
    if (entry == null || !entry.is("command")) {
      return Optional.empty();
    }
    SchemaEntry type = entries.get(entry.argumentType);
    List<Argument> arguments = new ArrayList<>();
    if (type != null) {
      type.members.forEach(member -> arguments.add(argument(member)));
    }
    return Optional.of(List.copyOf(arguments));
  }

  private Argument argument(SchemaEntry.Member member) {
    SchemaEntry type = entries.getOrDefault(member.type(), new SchemaEntry());
    return new Argument(
        member.name(),
        type.is("builtin") ? type.json : type.kind,
        member.optional(),
        type.is("enum") ? type.values() : List.of(),
        member.features());
  }

  /**
   * Tells whether something exists: {@code blockdev-add} (a command or event), {@code
   * blockdev-mirror.copy-mode} (an argument, also of a union's cases and of what is nested),
   * {@code blockdev-mirror.copy-mode=write-blocking} (a value), {@code query-migrate().status} (a member
   * of a result), {@code device_add@json-cli} (a feature).
   *
   * @param path what is looked for
   * @return whether QEMU knows it
   * @throws N0Exception INVALID if it is no such path
   */
  public boolean supports(String path) {
    return new SchemaPath(path).holdsIn(entries);
  }

  /**
   * Checks a command before it is sent.
   *
   * @param command the command's name
   * @param arguments its arguments
   * @throws N0Exception UNSUPPORTED if this QEMU does not know the command, an argument or a value;
   *     INVALID if an argument is missing or of a wrong type
   */
  public void validate(String command, Map<String, ?> arguments) {
    SchemaEntry entry = entries.get(command);
    if (entry == null || !entry.is("command")) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "command \"" + command + "\"",
          "this QEMU knows no command \"" + command + "\"");
    }
    new ArgumentCheck(entries, command).check(entry, arguments);
  }
}
