package io.n0stack.n0core.kvm.qapi;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Collection;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/** Walks results and tells which optional parts and known words never appeared. */
final class Findings {
  private final Set<String> expected = new TreeSet<>();
  private final Set<String> seen = new TreeSet<>();

  Set<String> neverSeen() {
    Set<String> rest = new TreeSet<>(expected);
    rest.removeAll(seen);
    return rest;
  }

  void look(Object value, String at) throws ReflectiveOperationException {
    if (value instanceof Collection<?> items) {
      for (Object item : items) {
        look(item, at);
      }
    } else if (value instanceof Optional<?> optional && optional.isPresent()) {
      look(optional.get(), at);
    } else if (value != null
        && value.getClass().isRecord()
        && !(value instanceof Term)
        && !value.getClass().getSimpleName().equals("Other")) {
      for (RecordComponent component : value.getClass().getRecordComponents()) {
        String name = value.getClass().getSimpleName() + "." + component.getName();
        Object part = component.getAccessor().invoke(value);
        note(name, component.getGenericType(), part);
        look(part, name);
      }
    }
  }

  private void note(String name, Type type, Object part) {
    if (part instanceof Term<?> term) {
      // QAPI calls this one a text, so the schema does not tell its words.
      if (!name.equals("BlockJob.type")) {
        words(name, type);
        term.known().ifPresent(word -> seen.add(name + " " + word));
      }
    } else if (part instanceof Optional<?> optional) {
      expected.add(name);
      if (optional.isPresent()) {
        seen.add(name);
        note(name, ((ParameterizedType) type).getActualTypeArguments()[0], optional.get());
      }
    } else if (part instanceof OptionalLong number) {
      expected.add(name);
      if (number.isPresent()) {
        seen.add(name);
      }
    } else if (part instanceof Collection<?> items) {
      expected.add(name);
      if (!items.isEmpty()) {
        seen.add(name);
      }
    }
  }

  private void words(String name, Type type) {
    Class<?> words = (Class<?>) ((ParameterizedType) type).getActualTypeArguments()[0];
    for (Object word : words.getEnumConstants()) {
      expected.add(name + " " + word);
    }
  }
}
