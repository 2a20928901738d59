package io.n0stack.n0core.kvm.qapi;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Values for the parameters of the facade's methods, one for each kind that there is. */
final class Samples {
  private Samples() {}

  static List<Object> of(Type type) {
    if (type instanceof WildcardType wildcard) {
      return of(wildcard.getUpperBounds()[0]);
    } else if (type instanceof ParameterizedType generic) {
      return generic((Class<?>) generic.getRawType(), generic.getActualTypeArguments());
    } else if (type instanceof GenericArrayType) {
      throw new IllegalArgumentException(type.toString());
    }
    return simple((Class<?>) type);
  }

  private static List<Object> generic(Class<?> raw, Type[] arguments) {
    if (raw == List.class) {
      return List.of(of(arguments[0]));
    } else if (raw == Optional.class) {
      List<Object> all = new ArrayList<>(List.of(Optional.empty()));
      of(arguments[0]).forEach(value -> all.add(Optional.of(value)));
      return all;
    } else if (raw == Map.class && arguments[0] instanceof Class<?> key && key.isEnum()) {
      return Arrays.stream(key.getEnumConstants())
          .<Object>map(k -> Map.of(k, true))
          .toList();
    }
    throw new IllegalArgumentException(raw + " " + Arrays.toString(arguments));
  }

  private static List<Object> simple(Class<?> type) {
    if (type == String.class || type == Object.class) {
      return List.of("text");
    } else if (type == long.class) {
      return List.of(1L);
    } else if (type == int.class) {
      return List.of(1);
    } else if (type == boolean.class || type == Boolean.class) {
      return List.of(true, false);
    } else if (type == byte[].class) {
      return List.of(new byte[] {1, -1});
    } else if (type == Duration.class) {
      return List.of(Duration.ofSeconds(2));
    } else if (type == Instant.class) {
      return List.of(Instant.ofEpochSecond(5));
    } else if (type == Path.class) {
      return List.of(Path.of("/run/a b,c"));
    } else if (type == OptionalLong.class) {
      return List.of(OptionalLong.empty(), OptionalLong.of(3));
    } else if (type == Long.class) {
      return List.of(5L);
    } else if (type == BigInteger.class) {
      return List.of(BigInteger.TEN);
    } else if (type.isEnum()) {
      return List.of(type.getEnumConstants());
    } else if (type.isSealed()) {
      return Arrays.stream(type.getPermittedSubclasses())
          .filter(each -> !each.getSimpleName().equals("Other"))
          .flatMap(each -> of(each).stream())
          .toList();
    } else if (type == Key.Named.class) {
      return List.of(new Key.Named("ctrl"), new Key.Named("kp_enter"));
    } else if (type.isRecord()) {
      return records(type);
    }
    throw new IllegalArgumentException(type.toString());
  }

  private static List<Object> records(Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    List<List<Object>> choices =
        Arrays.stream(components).map(each -> of(each.getGenericType())).toList();
    int rounds = choices.stream().mapToInt(List::size).max().orElse(1);
    List<Object> made = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      int now = round;
      made.add(create(
          type, choices.stream().map(each -> each.get(now % each.size())).toArray()));
    }
    return made;
  }

  private static Object create(Class<?> type, Object[] values) {
    Class<?>[] parameters = Arrays.stream(type.getRecordComponents())
        .map(RecordComponent::getType)
        .toArray(Class<?>[]::new);
    try {
      var constructor = type.getDeclaredConstructor(parameters);
      if (!Modifier.isPublic(type.getModifiers())) {
        constructor.setAccessible(true);
      }
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      throw new IllegalArgumentException(type + Arrays.toString(values), e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException(type.toString(), e);
    }
  }
}
