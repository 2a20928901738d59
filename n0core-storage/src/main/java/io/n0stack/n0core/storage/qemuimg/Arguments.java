package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.qemuimg.ImageFile.Format;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One command line of {@code qemu-img}: the only place that knows how it reads options. */
final class Arguments {
  private final String command;
  private final List<String> options = new ArrayList<>();
  private final List<String> operands = new ArrayList<>();
  private final Secrets secrets = new Secrets();
  private String subject = "";

  private Arguments(String command) {
    this.command = command;
  }

  static Arguments of(String command) {
    return new Arguments(command);
  }

  /** A finished command line, and what goes to standard input. */
  @SuppressWarnings("ArrayRecordComponent") // wiped by whoever sends it; never compared
  record Line(List<String> arguments, byte[] input) {}

  Line line() {
    List<String> all = new ArrayList<>();
    all.add(command);
    byte[] input = secrets.objects(all);
    all.addAll(options);
    all.add("--");
    all.addAll(operands);
    return new Line(List.copyOf(all), input);
  }

  String command() {
    return command;
  }

  String subject() {
    return subject;
  }

  Arguments option(String... words) {
    options.addAll(List.of(words));
    return this;
  }

  Arguments operand(String word) {
    operands.add(word);
    return this;
  }

  /** Names existing images by driver and file name, so that no part of the name is parsed. */
  Arguments images(ImageFile... images) {
    options.add("--image-opts");
    for (ImageFile image : images) {
      operands.add(node(image));
      about(image.path());
    }
    return this;
  }

  Arguments about(Path path) {
    subject = subject.isEmpty() ? path.toString() : subject;
    return this;
  }

  /** States the form of a new image under the letter that this command has for a format. */
  Arguments form(String letter, NewImage image) {
    options.add(letter);
    options.add(driver(image).driver);
    List<String> settings = settings(image);
    if (!settings.isEmpty()) {
      options.add("-o");
      options.add(String.join(",", settings));
    }
    return this;
  }

  Arguments backing(ImageFile backing) {
    return option("-b", backing.path().toString(), "-F", backing.format().driver);
  }

  /** QEMU splits at commas that are not doubled. */
  static String escaped(String value) {
    return value.replace(",", ",,");
  }

  private String node(ImageFile image) {
    StringBuilder node = new StringBuilder("driver=").append(image.format().driver);
    image
        .secret()
        .ifPresent(secret -> node.append(
                image.format() == Format.LUKS
                    ? ",key-secret="
                    : ",encrypt.format=luks,encrypt.key-secret=")
            .append(secrets.id(secret)));
    return node.append(",file.driver=file,file.filename=")
        .append(escaped(image.path().toString()))
        .toString();
  }

  private List<String> settings(NewImage image) {
    List<String> settings = new ArrayList<>();
    if (image instanceof NewImage.Qcow2 qcow2) {
      qcow2(settings, qcow2);
    } else if (image instanceof NewImage.Luks luks) {
      encryption(settings, "", luks.encryption());
      preallocation(settings, luks.preallocation());
    } else if (image instanceof NewImage.Raw raw) {
      preallocation(settings, raw.preallocation());
    }
    return settings;
  }

  private void qcow2(List<String> settings, NewImage.Qcow2 image) {
    settings.add("compat=1.1");
    settings.add("cluster_size=" + image.clusterBytes());
    settings.add("refcount_bits=" + image.refcountBits());
    settings.add("compression_type=" + lower(image.compression()));
    if (image.features().contains(NewImage.Feature.LAZY_REFCOUNTS)) {
      settings.add("lazy_refcounts=on");
    }
    if (image.features().contains(NewImage.Feature.EXTENDED_L2)) {
      settings.add("extended_l2=on");
    }
    image.encryption().ifPresent(encryption -> {
      settings.add("encrypt.format=luks");
      encryption(settings, "encrypt.", encryption);
    });
    preallocation(settings, image.preallocation());
  }

  private void encryption(List<String> settings, String prefix, Encryption encryption) {
    settings.add(prefix + "key-secret=" + secrets.id(encryption.secret()));
    settings.add(prefix + "iter-time=" + encryption.keyTime().toMillis());
  }

  private static void preallocation(List<String> settings, Preallocation preallocation) {
    if (preallocation != Preallocation.OFF) {
      settings.add("preallocation=" + lower(preallocation));
    }
  }

  static Format driver(NewImage image) {
    if (image instanceof NewImage.Qcow2) {
      return Format.QCOW2;
    }
    return image instanceof NewImage.Luks ? Format.LUKS : Format.RAW;
  }

  static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
