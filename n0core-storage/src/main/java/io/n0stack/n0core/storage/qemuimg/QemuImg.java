package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.qemuimg.ConvertOptions.Extra;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs {@code qemu-img} with typed options, formats always stated, confined: in a session of its own,
 * with limits, without capabilities, killed when its time is up, when the caller says so and when this
 * process dies. See qemu-img(1).
 *
 * <p>A stated format alone does not keep {@code qemu-img} from opening what an image names. Each image
 * but a {@link ForeignImage} must have been inspected before.
 *
 * <p>Each call blocks until the process has ended. Threads may share a client; it holds nothing open.
 * All methods throw a {@link QemuImgException} if {@code qemu-img} refuses (BUSY if someone else has
 * the image open, EXHAUSTED if space ran out), {@link
 * io.n0stack.n0core.api.OperationTimeoutException} if it was killed because its time was up, and
 * {@link N0Exception} with code CANCELLED if the thread was interrupted, INVALID if a value breaks a
 * rule, UNSUPPORTED if a program is missing or the run cannot be confined; then nothing was run.
 *
 * @since 0.1
 */
public final class QemuImg {
  private static final Logger LOG = LoggerFactory.getLogger(QemuImg.class);
  private static final Run VERSION = Run.within(Duration.ofSeconds(5));
  private static final long LEAST_GRANULARITY = 512; // QCOW2, block/qcow2-bitmap.c
  private static final long MOST_GRANULARITY = 1L << 31;
  private static final int NOTHING_TO_CHECK = 63;

  private final Confinement confinement;
  private final Runner runner;
  private volatile @Nullable Known known;

  /**
   * Makes a client. Runs nothing.
   *
   * @param settings which program, and how it is confined
   */
  public QemuImg(Settings settings) {
    confinement = new Confinement(settings);
    runner = new Runner(confinement);
  }

  /**
   * Makes a client for the {@code qemu-img} of PATH. Runs nothing.
   *
   * @return the client
   */
  public static QemuImg installed() {
    return new QemuImg(Settings.standard());
  }

  /**
   * Asks the program for its version, once for as long as it is the same file. That it is there, and all that confines
   * it, is looked at each time.
   *
   * @return the version, such as {@code 7.2.22}
   */
  public String version() {
    ProgramFile program = confinement.ready();
    Known last = known;
    if (last == null || !last.program().equals(program)) {
      last = new Known(program, Answers.version(runner.version(VERSION)));
      known = last;
    }
    return last.version();
  }

  /** What a program said. */
  private record Known(ProgramFile program, String version) {}

  /**
   * Makes an empty image, mode 0600; if that fails, there is none.
   *
   * @param image where; nothing may be there
   * @param form how
   * @param sizeBytes what a guest sees
   * @param run time, and who is told
   * @throws N0Exception ALREADY_EXISTS if something is there
   */
  public void create(Path image, NewImage form, long sizeBytes, Run run) {
    Arguments arguments = Arguments.of("create")
        .option("-q")
        .form("-f", form)
        .operand(Names.path("image", image).toString())
        .operand(size(sizeBytes))
        .about(image);
    Target.make(image, () -> runner.run(arguments, run));
  }

  /**
   * Makes an image that shows another one until it is written to; if that fails, there is none.
   *
   * @param image where; nothing may be there
   * @param form how
   * @param backing what it shows; recorded in it by path and format; not encrypted
   * @param sizeBytes what a guest sees
   * @param run time, and who is told
   * @throws N0Exception ALREADY_EXISTS if something is there
   */
  public void createOverlay(
      Path image, NewImage.Qcow2 form, ImageFile backing, long sizeBytes, Run run) {
    requirePlain(backing);
    Arguments arguments = Arguments.of("create")
        .option("-q")
        .form("-f", form)
        .backing(backing)
        .operand(Names.path("image", image).toString())
        .operand(size(sizeBytes))
        .about(image);
    Target.make(image, () -> runner.run(arguments, run));
  }

  /**
   * Copies what a guest sees into a new image, mode 0600; if that fails, there is none.
   *
   * @param source what is copied, with all that lies beneath
   * @param target where to; nothing may be there
   * @param form how the target is made
   * @param options how it is copied
   * @param run time, and who is told how far it has come
   * @throws N0Exception ALREADY_EXISTS if something is there
   */
  public void convert(
      ImageFile source, Path target, NewImage form, ConvertOptions options, Run run) {
    Arguments arguments = conversion(source, target, form, options);
    Target.make(target, () -> runner.run(arguments, run));
  }

  /**
   * Copies what a guest sees into a file that is there, such as one under a temporary name.
   *
   * @param source what is copied, with all that lies beneath
   * @param empty where to: a regular file of no bytes; it stays the same file, and is there also after a
   *     failure
   * @param form how the target is made
   * @param options how it is copied
   * @param run time, and who is told how far it has come
   * @throws N0Exception NOT_FOUND if it is not there; ALREADY_EXISTS if it is anything else
   */
  public void convertInto(
      ImageFile source, Path empty, NewImage form, ConvertOptions options, Run run) {
    Arguments arguments = conversion(source, empty, form, options);
    Target.requireEmpty(empty);
    runner.run(arguments, run);
  }

  private static Arguments conversion(
      ImageFile source, Path target, NewImage form, ConvertOptions options) {
    requireSuits(form, options);
    Arguments arguments = copy(options).images(source);
    options
        .snapshot()
        .ifPresent(name -> arguments.option("-l", "snapshot.name=" + Arguments.escaped(name)));
    return arguments.form("-O", form).operand(Names.path("target", target).toString());
  }

  /**
   * Copies an image of a stranger into a new image, mode 0600; if that fails, there is none. Needs root,
   * to lock the run into namespaces of its own: no network, no other process, and no file but the
   * programs, the source and the target, as a user who owns nothing.
   *
   * @param source what is copied; that user must have the right to read it
   * @param target where to; nothing may be there
   * @param form raw or qcow2, not encrypted
   * @param options how it is copied
   * @param run time, and who is told how far it has come
   * @throws N0Exception INVALID if the source is not of its format or is made of several files;
   *     PRECONDITION if that user may not read it; ALREADY_EXISTS if something is at the target;
   *     UNSUPPORTED if we are not root
   */
  public void convertForeign(
      ForeignImage source, Path target, NewImage form, ConvertOptions options, Run run) {
    requireSuits(form, options);
    requireForeign(form, options);
    confinement.requireRoot();
    ForeignGate.require(source, confinement.foreignUser());
    Arguments arguments = copy(options)
        .option("-f", source.format().driver)
        .form("-O", form)
        .operand(Confinement.SOURCE)
        .operand(Confinement.TARGET)
        .about(source.path());
    Target.makeAs(
        confinement.foreignUser(),
        Names.path("target", target),
        () -> runner.runForeign(arguments, source.path(), Optional.of(target), run));
  }

  /**
   * Asks how large an image of a stranger is, confined as its copying is.
   *
   * @param source the image
   * @param run time, and who is told
   * @return what a guest would see
   * @throws N0Exception as for {@link #convertForeign}
   */
  public long foreignSizeBytes(ForeignImage source, Run run) {
    confinement.requireRoot();
    ForeignGate.require(source, confinement.foreignUser());
    Arguments arguments = Arguments.of("info")
        .option("--output=json", "-f", source.format().driver)
        .operand(Confinement.SOURCE)
        .about(source.path());
    Runner.Ended ended = runner.runForeign(arguments, source.path(), Optional.empty(), run);
    return Answers.virtualSize(ended.operation(), ended.output());
  }

  /**
   * Makes an image larger.
   *
   * @param image the image
   * @param sizeBytes what a guest is to see; not less than now
   * @param preallocation what is allocated for the part that is new
   * @param run time, and who is told
   * @throws N0Exception INVALID if the image is larger
   */
  public void grow(ImageFile image, long sizeBytes, Preallocation preallocation, Run run) {
    Arguments arguments = Arguments.of("resize").option("-q").images(image);
    if (preallocation != Preallocation.OFF) {
      arguments.option("--preallocation=" + Arguments.lower(preallocation));
    }
    runner.run(arguments.operand(size(sizeBytes)), run);
  }

  /**
   * Makes an image smaller: what lies beyond the new end is lost.
   *
   * @param image the image
   * @param sizeBytes what a guest is to see
   * @param run time, and who is told
   */
  public void shrink(ImageFile image, long sizeBytes, Run run) {
    Arguments arguments = Arguments.of("resize").option("-q", "--shrink").images(image);
    runner.run(arguments.operand(size(sizeBytes)), run);
  }

  /**
   * Makes a snapshot inside an image. {@code qemu-img} does not mind if one of that name is there.
   *
   * @param image a qcow2 image that no one has open
   * @param name 1 to 255 bytes, not a number
   * @param run time, and who is told
   */
  public void createSnapshot(ImageFile image, String name, Run run) {
    snapshot(image, "-c", name, run);
  }

  /**
   * Sets an image back to a snapshot: what was written since is lost.
   *
   * @param image a qcow2 image that no one has open
   * @param name the snapshot's name
   * @param run time, and who is told
   * @throws N0Exception NOT_FOUND if there is none of that name
   */
  public void applySnapshot(ImageFile image, String name, Run run) {
    snapshot(image, "-a", name, run);
  }

  /**
   * Deletes a snapshot.
   *
   * @param image a qcow2 image that no one has open
   * @param name the snapshot's name
   * @param run time, and who is told
   * @throws N0Exception NOT_FOUND if there is none of that name
   */
  public void deleteSnapshot(ImageFile image, String name, Run run) {
    snapshot(image, "-d", name, run);
  }

  /**
   * Lists the snapshots inside an image.
   *
   * @param image a qcow2 image that no one writes to
   * @param run time, and who is told
   * @return all of them, in the image's order
   */
  public List<InternalSnapshot> snapshots(ImageFile image, Run run) {
    Arguments arguments = Arguments.of("info").option("--output=json").images(image);
    Runner.Ended ended = runner.run(arguments, run);
    return Answers.snapshots(ended.operation(), ended.output());
  }

  /**
   * Puts another image beneath an overlay and copies into the overlay what differs, so that a guest
   * sees the same as before.
   *
   * @param overlay a qcow2 image
   * @param backing what is to lie beneath; not encrypted
   * @param run time, and who is told how far it has come
   */
  public void rebase(ImageFile overlay, ImageFile backing, Run run) {
    requirePlain(backing);
    runner.run(Arguments.of("rebase").option("-q", "-p").backing(backing).images(overlay), run);
  }

  /**
   * Records another image as the one beneath an overlay and looks at neither: unless both old and new
   * hold the same, a guest sees garbage. For images that were moved.
   *
   * @param overlay a qcow2 image
   * @param backing what is to lie beneath
   * @param run time, and who is told
   */
  public void rebaseUnchecked(ImageFile overlay, ImageFile backing, Run run) {
    requirePlain(backing);
    runner.run(Arguments.of("rebase").option("-q", "-u").backing(backing).images(overlay), run);
  }

  /**
   * Copies into an overlay all it shows of the images beneath, so that it needs none.
   *
   * @param overlay a qcow2 image
   * @param run time, and who is told how far it has come
   */
  public void flatten(ImageFile overlay, Run run) {
    runner.run(Arguments.of("rebase").option("-q", "-p", "-b", "").images(overlay), run);
  }

  /**
   * Copies what was written to an overlay into the image beneath, which other overlays must not use,
   * and empties the overlay.
   *
   * @param overlay a qcow2 image
   * @param run time, and who is told how far it has come
   */
  public void commit(ImageFile overlay, Run run) {
    runner.run(Arguments.of("commit").option("-q", "-p").images(overlay), run);
  }

  /**
   * Copies what was written to an overlay and to those between into an image further down, and leaves
   * the overlay as it is.
   *
   * @param overlay a qcow2 image
   * @param base an image beneath it, by the name that the chain has for it
   * @param run time, and who is told how far it has come
   */
  public void commitInto(ImageFile overlay, Path base, Run run) {
    String name = Names.path("base", base).toString();
    runner.run(Arguments.of("commit").option("-q", "-p", "-d", "-b", name).images(overlay), run);
  }

  /**
   * Checks the structure of an image, and changes nothing.
   *
   * @param image the image
   * @param run time, and who is told
   * @return what was found
   */
  public CheckResult check(ImageFile image, Run run) {
    return checked(Arguments.of("check").option("--output=json").images(image), run);
  }

  /**
   * Repairs the structure of an image.
   *
   * @param image the image
   * @param repair what may be touched
   * @param run time, and who is told
   * @return what was repaired, and what is still wrong
   */
  public CheckResult repair(ImageFile image, Repair repair, Run run) {
    Arguments arguments = Arguments.of("check")
        .option("--output=json", "-r", Arguments.lower(repair))
        .images(image);
    CheckResult result = checked(arguments, run);
    LOG.info("repaired {}: {}", image.path(), result);
    return result;
  }

  /**
   * Tells how much space a copy would take.
   *
   * @param source what would be copied
   * @param form how the copy would be made
   * @param run time, and who is told
   * @return the space
   */
  public Measurement measure(ImageFile source, NewImage form, Run run) {
    return measured(
        Arguments.of("measure").option("--output=json").form("-O", form).images(source), run);
  }

  /**
   * Tells how much space an empty image would take.
   *
   * @param sizeBytes what a guest would see
   * @param form how the image would be made
   * @param run time, and who is told
   * @return the space
   */
  public Measurement measure(long sizeBytes, NewImage form, Run run) {
    return measured(
        Arguments.of("measure")
            .option("--output=json")
            .form("-O", form)
            .option("--size", size(sizeBytes)),
        run);
  }

  /**
   * Compares what a guest sees in two images.
   *
   * @param first one image
   * @param second the other
   * @param run time, and who is told how far it has come
   * @return whether it is the same
   */
  public Comparison compare(ImageFile first, ImageFile second, Run run) {
    Arguments arguments = Arguments.of("compare").option("-p").images(first, second);
    Runner.Ended ended = runner.run(arguments, run, Set.of(0, 1));
    if (ended.exitCode() == 0) {
      return new Comparison(Comparison.Verdict.SAME, OptionalLong.empty());
    }
    OptionalLong offset = Answers.mismatch(ended.output());
    if (offset.isEmpty()) {
      throw new QemuImgException(ended.operation(), 1, ended.errors());
    }
    return new Comparison(Comparison.Verdict.DIFFERENT, offset);
  }

  /**
   * Adds a persistent bitmap, which from now on records what is written.
   *
   * @param image a qcow2 image that no one has open
   * @param name 1 to 1023 bytes
   * @param granularityBytes what one bit stands for: a power of two, 512 to 2 GiB
   * @param run time, and who is told
   * @throws N0Exception ALREADY_EXISTS if there is one of that name
   */
  public void addBitmap(ImageFile image, String name, long granularityBytes, Run run) {
    Rules.range("granularityBytes", granularityBytes, LEAST_GRANULARITY, MOST_GRANULARITY);
    if (Long.bitCount(granularityBytes) != 1) {
      throw N0Exception.invalid("granularityBytes", granularityBytes, "must be a power of two");
    }
    bitmap(image, name, run, "--add", "-g", Long.toString(granularityBytes));
  }

  /**
   * Changes a persistent bitmap.
   *
   * @param image a qcow2 image that no one has open
   * @param name the bitmap's name
   * @param change what is done to it
   * @param run time, and who is told
   * @throws N0Exception NOT_FOUND if there is none of that name
   */
  public void changeBitmap(ImageFile image, String name, BitmapChange change, Run run) {
    bitmap(image, name, run, "--" + Arguments.lower(change));
  }

  /**
   * Adds to a persistent bitmap what another one of the same image has recorded.
   *
   * @param image a qcow2 image that no one has open
   * @param from the bitmap that is read
   * @param to the bitmap that is added to
   * @param run time, and who is told
   * @throws N0Exception NOT_FOUND if one of them is missing
   */
  public void mergeBitmap(ImageFile image, String from, String to, Run run) {
    bitmap(image, to, run, "--merge", Names.bitmap("from", from));
  }

  /**
   * Adds to a persistent bitmap what one of another image has recorded.
   *
   * @param source a qcow2 image with the bitmap that is read; not encrypted
   * @param from the bitmap that is read
   * @param image a qcow2 image that no one has open
   * @param to the bitmap that is added to
   * @param run time, and who is told
   * @throws N0Exception NOT_FOUND if one of them is missing
   */
  public void mergeBitmap(ImageFile source, String from, ImageFile image, String to, Run run) {
    requirePlain(source);
    bitmap(
        image,
        to,
        run,
        "-b",
        source.path().toString(),
        "-F",
        source.format().driver,
        "--merge",
        Names.bitmap("from", from));
  }

  private void snapshot(ImageFile image, String action, String name, Run run) {
    String checked = Names.snapshot("snapshot", name);
    runner.run(Arguments.of("snapshot").option("-q", action, checked).images(image), run);
  }

  private void bitmap(ImageFile image, String name, Run run, String... options) {
    String checked = Names.bitmap("bitmap", name);
    runner.run(Arguments.of("bitmap").option(options).images(image).operand(checked), run);
  }

  private CheckResult checked(Arguments arguments, Run run) {
    Runner.Ended ended = runner.run(arguments, run, Set.of(0, 1, 2, 3, NOTHING_TO_CHECK));
    if (ended.exitCode() == NOTHING_TO_CHECK) {
      return new CheckResult(CheckResult.Verdict.NOT_SUPPORTED, 0, 0, 0, 0, 0);
    }
    if (ended.exitCode() == 1 && ended.output().isBlank()) {
      throw new QemuImgException(ended.operation(), 1, ended.errors());
    }
    return Answers.check(ended.operation(), ended.output());
  }

  private Measurement measured(Arguments arguments, Run run) {
    Runner.Ended ended = runner.run(arguments, run);
    return Answers.measure(ended.operation(), ended.output());
  }

  private static Arguments copy(ConvertOptions options) {
    Arguments arguments = Arguments.of("convert")
        .option("-q", "-p", "-t", options.cache().mode)
        .option("-S", Long.toString(options.sparseBytes()));
    List<String> extras = new ArrayList<>();
    if (options.extras().contains(Extra.COMPRESS)) {
      extras.add("-c");
    }
    if (options.extras().contains(Extra.BITMAPS)) {
      extras.add("--bitmaps");
    }
    return arguments.option(extras.toArray(String[]::new));
  }

  private static void requireSuits(NewImage form, ConvertOptions options) {
    if (!options.extras().isEmpty() && !(form instanceof NewImage.Qcow2)) {
      throw N0Exception.invalid("extras", options.extras(), "must be empty unless qcow2 is made");
    }
  }

  private static void requireForeign(NewImage form, ConvertOptions options) {
    if (form instanceof NewImage.Luks
        || (form instanceof NewImage.Qcow2 qcow2 && qcow2.encryption().isPresent())) {
      throw N0Exception.invalid("form", form, "must not be encrypted: a stranger's image is near");
    }
    if (options.snapshot().isPresent() || options.extras().contains(Extra.BITMAPS)) {
      throw N0Exception.invalid("options", options, "must be without snapshot and bitmaps");
    }
  }

  private static void requirePlain(ImageFile backing) {
    if (backing.secret().isPresent()) {
      throw N0Exception.invalid("backing", backing.path(), "must not be encrypted");
    }
  }

  private static String size(long bytes) {
    return Long.toString(Rules.range("sizeBytes", bytes, 0, Long.MAX_VALUE));
  }
}
