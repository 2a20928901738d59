package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One plugin's configuration: texts by key, read with a default and checked on reading. A key that
 * the plugin never reads is reported, so that a misspelt one is not silently ignored. Used by one
 * thread.
 *
 * @since 0.1
 */
public final class PluginConfig {
  private final String plugin;
  private final Map<String, String> values;
  private final Set<String> read = new HashSet<>();

  private PluginConfig(String plugin, Map<String, String> values) {
    this.plugin = plugin;
    this.values = Map.copyOf(values);
  }

  /**
   * Wraps the values of one plugin.
   *
   * @param plugin the plugin's name, used in messages
   * @param values texts by key, without the plugin's prefix
   * @return the configuration
   */
  public static PluginConfig of(String plugin, Map<String, String> values) {
    return new PluginConfig(plugin, values);
  }

  /**
   * Takes one plugin's keys from the configuration of all.
   *
   * @param plugin the plugin's name
   * @param all keys of the form {@code PLUGIN.KEY}; those of other plugins are left out
   * @return the plugin's part, with the prefix removed
   */
  public static PluginConfig section(String plugin, Map<String, String> all) {
    Map<String, String> mine = new HashMap<>();
    String prefix = plugin + ".";
    all.forEach((key, value) -> {
      if (key.startsWith(prefix)) {
        mine.put(key.substring(prefix.length()), value);
      }
    });
    return new PluginConfig(plugin, mine);
  }

  static void requirePlugins(Map<String, String> all, Collection<String> plugins) {
    for (String key : all.keySet()) {
      int dot = key.indexOf('.');
      if (dot < 1 || !plugins.contains(key.substring(0, dot))) {
        throw N0Exception.invalid(
            "configuration key",
            key,
            "must be PLUGIN.KEY with an installed plugin, one of " + plugins);
      }
    }
  }

  /**
   * Reads a text.
   *
   * @param key the key
   * @return the value, empty if none is set
   */
  public Optional<String> text(String key) {
    read.add(key);
    return Optional.ofNullable(values.get(key));
  }

  /**
   * Reads an absolute path.
   *
   * @param key the key
   * @param otherwise the value if none is set
   * @return the path
   * @throws N0Exception INVALID if it is not an absolute, normal path
   */
  public Path path(String key, Path otherwise) {
    try {
      return Rules.absolutePath(name(key), text(key).map(Path::of).orElse(otherwise));
    } catch (InvalidPathException e) {
      throw N0Exception.invalid(name(key), e.getInput(), "must be a path");
    }
  }

  /**
   * Reads a number.
   *
   * @param key the key
   * @param otherwise the value if none is set
   * @param least the smallest value allowed
   * @param most the largest value allowed
   * @return the number
   * @throws N0Exception INVALID if it is no number or outside the range
   */
  public long number(String key, long otherwise, long least, long most) {
    Optional<String> text = text(key);
    try {
      return Rules.range(
          name(key), text.isEmpty() ? otherwise : Long.parseLong(text.get()), least, most);
    } catch (NumberFormatException e) {
      throw N0Exception.invalid(name(key), text.orElse(""), "must be a whole number");
    }
  }

  /**
   * Reads a length of time.
   *
   * @param key the key; the value is a number of seconds
   * @param otherwise the value if none is set
   * @return the duration, more than zero and at most one day
   * @throws N0Exception INVALID if it is no number or outside the range
   */
  public Duration seconds(String key, Duration otherwise) {
    return Duration.ofSeconds(
        number(key, otherwise.toSeconds(), 1, Duration.ofDays(1).toSeconds()));
  }

  /**
   * Reads one of an enum's constants, written in lower case with hyphens.
   *
   * @param key the key
   * @param type the enum
   * @param otherwise the value if none is set
   * @param <E> the type of the enum
   * @return the constant
   * @throws N0Exception INVALID if there is no such constant
   */
  public <E extends Enum<E>> E choice(String key, Class<E> type, E otherwise) {
    Optional<String> text = text(key);
    if (text.isEmpty()) {
      return otherwise;
    }
    Set<String> names = new HashSet<>();
    for (E constant : type.getEnumConstants()) {
      String name = constant.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
      if (name.equals(text.get())) {
        return constant;
      }
      names.add(name);
    }
    throw N0Exception.invalid(name(key), text.get(), "must be one of " + names);
  }

  /**
   * Checks that every key was read.
   *
   * @throws N0Exception INVALID if the plugin does not know one of them
   */
  public void requireAllRead() {
    for (String key : values.keySet()) {
      if (!read.contains(key)) {
        throw N0Exception.invalid("configuration key", name(key), "must be one of " + read);
      }
    }
  }

  private String name(String key) {
    return plugin + "." + key;
  }
}
