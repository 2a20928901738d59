package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.SchemaEntry.Member;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A question to a schema, such as {@code blockdev-mirror.copy-mode=write-blocking}. */
final class SchemaPath {
  private static final Pattern SYNTAX = Pattern.compile("(?<root>[\\w-]+)(?<result>\\(\\))?"
      + "(?<members>(\\.[\\w-]+)*)(=(?<value>[^@=]+))?(@(?<feature>[\\w-]+))?");

  private final String root;
  private final boolean result;
  private final List<String> members;
  private final String value;
  private final String feature;

  SchemaPath(String path) {
    Matcher matcher = SYNTAX.matcher(path);
    if (!matcher.matches()) {
      throw N0Exception.invalid(
          "path",
          path,
          "must be COMMAND or EVENT, then () for its result, .MEMBER, =VALUE, @FEATURE");
    }
    root = matcher.group("root");
    result = matcher.group("result") != null;
    String names = matcher.group("members");
    members = names.isEmpty() ? List.of() : List.of(names.substring(1).split("\\."));
    value = or(matcher.group("value"));
    feature = or(matcher.group("feature"));
    if (members.isEmpty() && !value.isEmpty() && !result) {
      throw N0Exception.invalid("path", path, "must name a member before its value");
    }
  }

  private static String or(@org.jspecify.annotations.Nullable String text) {
    return text == null ? "" : text;
  }

  boolean holdsIn(Map<String, SchemaEntry> entries) {
    SchemaEntry start = entries.get(root);
    if (start == null || !(start.is("command") || start.is("event"))) {
      return false;
    }
    if (members.isEmpty() && !result) {
      return feature.isEmpty() || start.features.contains(feature);
    }
    List<Member> found =
        List.of(new Member(root, result ? start.resultType : start.argumentType, false, List.of()));
    for (String name : members) {
      List<Member> next = new ArrayList<>();
      for (SchemaEntry type : reach(entries, found)) {
        for (Member member : type.members) {
          if (type.is("object") && member.name().equals(name)) {
            next.add(member);
          }
        }
      }
      found = next;
    }
    if (value.isEmpty()) {
      return found.stream()
          .anyMatch(member -> feature.isEmpty() || member.features().contains(feature));
    }
    return reach(entries, found).stream().anyMatch(this::hasValue);
  }

  private boolean hasValue(SchemaEntry type) {
    if (!type.is("enum") || !type.values().contains(value)) {
      return false;
    }
    Member member = type.member(value);
    return feature.isEmpty() || (member != null && member.features().contains(feature));
  }

  /** Returns the types that a member's value can have: items, alternatives and cases of unions, too. */
  private static Set<SchemaEntry> reach(Map<String, SchemaEntry> entries, List<Member> from) {
    Set<SchemaEntry> seen = new HashSet<>();
    List<String> open = new ArrayList<>();
    from.forEach(member -> open.add(member.type()));
    while (!open.isEmpty()) {
      SchemaEntry type = entries.get(open.remove(open.size() - 1));
      if (type != null && seen.add(type)) {
        type.cases.forEach(member -> open.add(member.type()));
        if (type.is("array")) {
          open.add(type.elementType);
        } else if (type.is("alternate")) {
          type.members.forEach(member -> open.add(member.type()));
        }
      }
    }
    return seen;
  }
}
