package io.n0stack.n0core.kvm.qapi;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** Collects a command's arguments; what is empty is left out, so that QEMU's default holds. */
final class Args {
  private final Map<String, Object> values = new LinkedHashMap<>();

  static Args of() {
    return new Args();
  }

  static Args of(String name, Object value) {
    return new Args().put(name, value);
  }

  Args put(String name, Object value) {
    if (value instanceof Optional<?> optional) {
      optional.ifPresent(present -> values.put(name, plain(present)));
    } else if (value instanceof OptionalLong number) {
      number.ifPresent(present -> values.put(name, present));
    } else {
      values.put(name, plain(value));
    }
    return this;
  }

  /** Leaves an empty list out. */
  Args putAny(String name, Collection<?> value) {
    return value.isEmpty() ? this : put(name, value);
  }

  /** Leaves an empty map out. */
  Args putAny(String name, Map<String, ?> value) {
    return value.isEmpty() ? this : put(name, value);
  }

  Args putAll(Map<String, ?> more) {
    values.putAll(more);
    return this;
  }

  Map<String, Object> map() {
    return Collections.unmodifiableMap(values);
  }

  private static Object plain(Object value) {
    if (value instanceof Enum<?> constant) {
      return Term.textOf(constant);
    }
    if (value instanceof Args nested) {
      return nested.map();
    }
    if (value instanceof List<?> || value instanceof Set<?>) {
      return ((Collection<?>) value).stream().map(Args::plain).toList();
    }
    return value;
  }
}
