package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * An image and all that lie beneath it, at most 200.
 *
 * <p>Only the headers of regular files are read. A backing file of another kind ends the chain and is
 * named, never opened: a network address, a {@code json:} description, a format that is not qcow2 or
 * raw, or one whose format is written nowhere, which QEMU would guess.
 *
 * @param layers the image itself first
 * @param unopened what lies beneath the last layer, if there is something that was not opened
 * @since 0.1
 */
public record Qcow2Chain(List<Layer> layers, Optional<Unopened> unopened) {
  /** The largest number of layers; deeper chains are refused. */
  public static final int MOST_LAYERS = 200;

  /** Copies the list. */
  public Qcow2Chain {
    layers = List.copyOf(layers);
  }

  /**
   * One image of a chain.
   *
   * @param image absolute, normal path
   * @param format its format, as stated or as written in the image above it
   * @param header its header, empty for a raw image
   * @since 0.1
   */
  public record Layer(Path image, ImageFormat format, Optional<Qcow2Header> header) {}

  /**
   * A backing file that was not opened.
   *
   * @param name its name, as written in the image
   * @param format its format, as written in the image
   * @param reason why
   * @since 0.1
   */
  public record Unopened(String name, Optional<String> format, Reason reason) {}

  /**
   * Why a backing file was not opened.
   *
   * @since 0.1
   */
  public enum Reason {
    /** Its name begins with a word and a colon, such as {@code json:} or {@code nbd:}. */
    PROTOCOL,
    /** Its format is not written in the image and was not given. */
    NO_FORMAT,
    /** Its format is neither qcow2 nor raw. */
    OTHER_FORMAT
  }

  /** Reads one layer; what it throws ends the reading. */
  @FunctionalInterface
  interface LayerReader {
    Optional<Qcow2Header> header(Path image, ImageFormat format);
  }

  /**
   * Reads a chain.
   *
   * @param image absolute, normal path of the top
   * @param format its format, as its owner states
   * @return the chain
   * @throws N0Exception INVALID for a chain that leads back into itself or has more than 200 layers, and
   *     otherwise as for {@link Qcow2Header#read(Path)}, with any of its layers
   */
  public static Qcow2Chain read(Path image, ImageFormat format) {
    return read(image, List.of(format));
  }

  /**
   * Reads a chain of which the formats are known, such as that of old images, in which they are not
   * written.
   *
   * @param image absolute, normal path of the top
   * @param formats formats from the top downwards, at least one; those of further layers are taken from
   *     the images
   * @return the chain
   * @throws N0Exception INVALID also if an image says otherwise than the given formats
   */
  public static Qcow2Chain read(Path image, List<ImageFormat> formats) {
    return read(image, formats, Qcow2Chain::header);
  }

  static Qcow2Chain read(Path image, List<ImageFormat> formats, LayerReader reader) {
    if (formats.isEmpty()) {
      throw N0Exception.invalid("formats", formats, "must hold the format of the image");
    }
    List<Layer> layers = new ArrayList<>();
    Set<Object> seen = new HashSet<>();
    Path next = Rules.absolutePath("image", image);
    ImageFormat format = formats.get(0);
    while (true) {
      require(
          layers.size() < MOST_LAYERS, "image.chain", "longer", "must be at most 200 images deep");
      require(
          seen.add(ImageFiles.key(next)),
          "image.backingFile",
          next,
          "must not lead back into its own chain");
      Optional<Qcow2Header> header = reader.header(next, format);
      layers.add(new Layer(next, format, header));
      Optional<String> name = header.flatMap(Qcow2Header::backingFile);
      if (name.isEmpty()) {
        return new Qcow2Chain(layers, Optional.empty());
      }
      Optional<String> written = header.flatMap(Qcow2Header::backingFormat);
      Optional<ImageFormat> given = layers.size() < formats.size()
          ? Optional.of(formats.get(layers.size()))
          : Optional.empty();
      Optional<Reason> reason = reason(name.get(), written, given);
      if (reason.isPresent()) {
        return new Qcow2Chain(layers, Optional.of(new Unopened(name.get(), written, reason.get())));
      }
      format = given.or(() -> written.flatMap(Qcow2Chain::format)).orElseThrow();
      next = BackingName.resolve(next, name.get());
    }
  }

  private static Optional<Reason> reason(
      String name, Optional<String> written, Optional<ImageFormat> given) {
    if (BackingName.hasProtocol(name)) {
      return Optional.of(Reason.PROTOCOL);
    }
    Optional<ImageFormat> known = written.flatMap(Qcow2Chain::format);
    if (written.isEmpty() || written.get().isEmpty()) {
      return given.isEmpty() ? Optional.of(Reason.NO_FORMAT) : Optional.empty();
    }
    require(
        given.isEmpty() || given.equals(known),
        "image.backingFormat",
        written.get(),
        "must be " + given.map(Enum::name).orElse("") + ", as given");
    return known.isEmpty() ? Optional.of(Reason.OTHER_FORMAT) : Optional.empty();
  }

  private static Optional<ImageFormat> format(String name) {
    return switch (name) {
      case "qcow2" -> Optional.of(ImageFormat.QCOW2);
      case "raw" -> Optional.of(ImageFormat.RAW);
      default -> Optional.empty();
    };
  }

  private static Optional<Qcow2Header> header(Path image, ImageFormat format) {
    try (FileChannel file = ImageFiles.open(image)) {
      return format == ImageFormat.RAW ? Optional.empty() : Optional.of(Qcow2Header.read(file));
    } catch (IOException e) {
      throw ImageFiles.failure("read image", image, e);
    }
  }
}
