package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.math.BigInteger;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.Function;

/** Reads parts of results, absent ones too. */
final class Read {
  private static final BigInteger UNREPORTED = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);

  private Read() {}

  static Optional<String> optText(QmpResult result, String pointer) {
    return result.find(pointer).map(part -> part.text(""));
  }

  static OptionalLong optNumber(QmpResult result, String pointer) {
    Optional<QmpResult> part = result.find(pointer);
    return part.isPresent() ? OptionalLong.of(part.get().number("")) : OptionalLong.empty();
  }

  static Optional<BigInteger> optUnsigned(QmpResult result, String pointer) {
    return result.find(pointer).map(part -> part.unsigned(""));
  }

  /** Reads a number for which QEMU says 2^64-1 if the guest does not report it. */
  static Optional<BigInteger> reported(QmpResult result, String pointer) {
    return optUnsigned(result, pointer).filter(value -> !value.equals(UNREPORTED));
  }

  static UUID uuid(QmpResult result, String pointer) {
    String text = result.text(pointer);
    try {
      return UUID.fromString(text);
    } catch (IllegalArgumentException e) {
      throw malformed(pointer, "a UUID", e);
    }
  }

  static byte[] base64(QmpResult result, String pointer) {
    try {
      return Base64.getDecoder().decode(result.text(pointer));
    } catch (IllegalArgumentException e) {
      throw malformed(pointer, "base64", e);
    }
  }

  private static N0Exception malformed(String pointer, String what, Exception cause) {
    return new N0Exception(
        N0Exception.Code.INTERNAL,
        "QMP result",
        "read QMP result at \"" + pointer + "\": there is not " + what,
        cause);
  }

  static Optional<Boolean> optFlag(QmpResult result, String pointer) {
    return result.find(pointer).map(part -> part.flag(""));
  }

  static double decimal(QmpResult result, String pointer) {
    String text = part(result, pointer).toString();
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw malformed(pointer, "a number", e);
    }
  }

  static Optional<Double> optDecimal(QmpResult result, String pointer) {
    return result.find(pointer).map(part -> decimal(part, ""));
  }

  static QmpResult part(QmpResult result, String pointer) {
    return result
        .find(pointer)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.INTERNAL,
            "QMP result",
            "read QMP result at \"" + pointer + "\": there is nothing"));
  }

  static Optional<QmpResult> optPart(QmpResult result, String pointer) {
    return result.find(pointer);
  }

  static <E extends Enum<E>> Term<E> term(Class<E> type, QmpResult result, String pointer) {
    return Term.of(type, result.text(pointer));
  }

  static <E extends Enum<E>> Optional<Term<E>> optTerm(
      Class<E> type, QmpResult result, String pointer) {
    return optText(result, pointer).map(text -> Term.of(type, text));
  }

  static <E extends Enum<E>> List<Term<E>> terms(Class<E> type, QmpResult result, String pointer) {
    return list(result, pointer, item -> Term.of(type, item.text("")));
  }

  static <T> T one(QmpResult result, String pointer, Function<QmpResult, T> from) {
    return from.apply(part(result, pointer));
  }

  static <T> Optional<T> optOne(QmpResult result, String pointer, Function<QmpResult, T> from) {
    return result.find(pointer).map(from);
  }

  static <T> List<T> list(QmpResult result, String pointer, Function<QmpResult, T> from) {
    return result.list(pointer).stream().map(from).toList();
  }

  static <T> List<T> optList(QmpResult result, String pointer, Function<QmpResult, T> from) {
    return result.find(pointer).map(part -> list(part, "", from)).orElse(List.of());
  }

  static List<String> texts(QmpResult result, String pointer) {
    return list(result, pointer, item -> item.text(""));
  }

  static List<String> optTexts(QmpResult result, String pointer) {
    return optList(result, pointer, item -> item.text(""));
  }

  static List<Long> numbers(QmpResult result, String pointer) {
    return list(result, pointer, item -> item.number(""));
  }

  static List<Long> optNumbers(QmpResult result, String pointer) {
    return optList(result, pointer, item -> item.number(""));
  }
}
