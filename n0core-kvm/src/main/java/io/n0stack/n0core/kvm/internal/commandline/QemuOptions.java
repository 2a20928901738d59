package io.n0stack.n0core.kvm.internal.commandline;

import io.n0stack.n0core.api.Rules;
import java.util.ArrayList;
import java.util.List;

/** Writes QEMU's {@code key=value,key=value} texts; a comma in a value is doubled. */
final class QemuOptions {
  private static final int LONGEST = 4096;

  private final List<String> parts = new ArrayList<>();

  QemuOptions with(String key, Object value) {
    parts.add(key + "=" + doubled(key, String.valueOf(value)));
    return this;
  }

  /** Begins with a value that has no key, such as a chardev's backend: one of our own words. */
  static QemuOptions of(String word) {
    QemuOptions options = new QemuOptions();
    options.parts.add(word);
    return options;
  }

  private static String doubled(String key, String value) {
    return Rules.text(key, value, LONGEST).replace(",", ",,");
  }

  @Override
  public String toString() {
    return String.join(",", parts);
  }
}
