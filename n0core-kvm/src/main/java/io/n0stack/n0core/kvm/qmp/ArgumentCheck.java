package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.SchemaEntry.Member;
import java.math.BigInteger;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Compares a command's arguments with the schema. */
final class ArgumentCheck {
  // QEMU takes any property of these, and says of them only what all devices have.
  private static final Set<String> OPEN = Set.of("device_add", "netdev_add", "object-add");

  private final Map<String, SchemaEntry> entries;
  private final String command;

  ArgumentCheck(Map<String, SchemaEntry> entries, String command) {
    this.entries = entries;
    this.command = command;
  }

  void check(SchemaEntry entry, Map<String, ?> arguments) {
    SchemaEntry type = type(entry.argumentType);
    checkObject("", type, arguments, OPEN.contains(command) && type.cases.isEmpty());
  }

  private SchemaEntry type(String name) {
    SchemaEntry entry = entries.get(name);
    if (entry == null) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL, "QMP schema", "QMP schema: it has no type \"" + name + "\"");
    }
    return entry;
  }

  private void checkObject(String path, SchemaEntry type, Map<?, ?> value, boolean open) {
    Set<String> allowed = new HashSet<>();
    SchemaEntry part = type;
    while (part != null) {
      for (Member member : part.members) {
        allowed.add(member.name());
        Object found = value.get(member.name());
        if (found != null || value.containsKey(member.name())) {
          checkValue(path(path, member.name()), member.type(), found);
        } else if (!member.optional()) {
          throw N0Exception.invalid(
              field(path(path, member.name())), "", "must be given: QEMU requires it");
        }
      }
      part = variant(part, value);
    }
    for (Object key : value.keySet()) {
      if (!open && !allowed.contains(String.valueOf(key))) {
        throw unsupported(path(path, String.valueOf(key)), "argument");
      }
    }
  }

  private @Nullable SchemaEntry variant(SchemaEntry union, Map<?, ?> value) {
    if (union.cases.isEmpty() || !(value.get(union.tag) instanceof CharSequence text)) {
      return null;
    }
    Member chosen = union.unionCase(text.toString());
    return chosen == null ? null : type(chosen.type());
  }

  private void checkValue(String path, String typeName, @Nullable Object value) {
    if (value instanceof QmpResult) {
      return; // what QEMU said itself
    }
    SchemaEntry type = type(typeName);
    switch (type.kind) {
      case "builtin" -> require(path, matches(type.json, value), value, "a " + type.json);
      case "enum" -> checkEnum(path, type, value);
      case "array" -> {
        require(path, value instanceof Collection, value, "a list");
        int index = 0;
        for (Object item : (Collection<?>) java.util.Objects.requireNonNull(value)) {
          checkValue(path + "[" + index + "]", type.elementType, item);
          index++;
        }
      }
      case "object" -> {
        if (!(value instanceof Map<?, ?> map)) {
          throw wrong(path, value, "a map");
        }
        checkObject(path, type, map, false);
      }
      case "alternate" -> checkAlternate(path, type, value);
      default -> throw wrong(path, value, "something that QEMU knows");
    }
  }

  private void checkEnum(String path, SchemaEntry type, @Nullable Object value) {
    require(path, value instanceof CharSequence, value, "a text");
    if (!type.values().contains(String.valueOf(value))) {
      throw unsupported(
          path, "value " + io.n0stack.n0core.api.Rules.quote(String.valueOf(value)) + " for");
    }
  }

  private void checkAlternate(String path, SchemaEntry type, @Nullable Object value) {
    for (Member member : type.members) {
      SchemaEntry candidate = type(member.type());
      boolean fits = switch (candidate.kind) {
        case "enum" -> value instanceof CharSequence;
        case "array" -> value instanceof Collection;
        case "object" -> value instanceof Map;
        default -> matches(candidate.json, value);
      };
      if (fits) {
        checkValue(path, member.type(), value);
        return;
      }
    }
    throw wrong(path, value, "of another kind");
  }

  private static boolean matches(String json, @Nullable Object value) {
    return switch (json) {
      case "string" -> value instanceof CharSequence;
      case "int" ->
        value instanceof Long
            || value instanceof Integer
            || value instanceof Short
            || value instanceof Byte
            || value instanceof BigInteger;
      case "number" -> value instanceof Number;
      case "boolean" -> value instanceof Boolean;
      case "null" -> value == null;
      case "object" -> value instanceof Map;
      case "array" -> value instanceof Collection;
      default -> true; // "value": anything
    };
  }

  private void require(String path, boolean holds, @Nullable Object value, String what) {
    if (!holds) {
      throw wrong(path, value, what);
    }
  }

  private N0Exception wrong(String path, @Nullable Object value, String what) {
    return N0Exception.invalid(field(path), String.valueOf(value), "must be " + what);
  }

  private N0Exception unsupported(String path, String what) {
    return new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        field(path),
        "this QEMU knows no " + what + " " + field(path));
  }

  private String field(String path) {
    return command + "." + path;
  }

  private static String path(String outer, String name) {
    return outer.isEmpty() ? name : outer + "." + name;
  }
}
