package io.n0stack.n0core.kvm.qmp;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a schema: a command, an event or a type. Filled by {@link SchemaParser}, and not changed
 * after that. What an entry of its kind does not have is empty.
 */
final class SchemaEntry {
  /** A member of an object or alternate, a case of a union, or a value of an enum. */
  record Member(String name, String type, boolean optional, List<String> features) {}

  String name = "";
  String kind = "";
  String json = "";
  String argumentType = "";
  String resultType = "";
  String elementType = "";
  String tag = "";
  List<Member> members = List.of();
  List<Member> cases = List.of();
  List<String> features = List.of();
  private List<String> values = List.of();

  void plainValues(List<String> oldStyle) {
    values = oldStyle;
  }

  boolean is(String wanted) {
    return kind.equals(wanted);
  }

  @Nullable Member member(String wanted) {
    return find(members, wanted);
  }

  @Nullable Member unionCase(String wanted) {
    return find(cases, wanted);
  }

  private static @Nullable Member find(List<Member> list, String wanted) {
    for (Member member : list) {
      if (member.name().equals(wanted)) {
        return member;
      }
    }
    return null;
  }

  /** Returns an enum's values: since QEMU 6.2 they are members, so that they can have features. */
  List<String> values() {
    if (members.isEmpty()) {
      return values;
    }
    List<String> names = new ArrayList<>(members.size());
    members.forEach(member -> names.add(member.name()));
    return names;
  }
}
