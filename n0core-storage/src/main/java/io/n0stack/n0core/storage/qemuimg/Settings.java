package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;

/**
 * Which {@code qemu-img} is run, and how it is confined.
 *
 * @param program a name to look up in PATH, or an absolute path
 * @param limits what a run on trusted images may have
 * @param foreignLimits what a run on an image of a stranger may have
 * @param access which files a run on trusted images may open
 * @param foreignUser the user and group number that an image of a stranger is opened as; not root
 * @since 0.1
 */
public record Settings(
    String program, Limits limits, Limits foreignLimits, Access access, long foreignUser) {
  private static final long NOBODY = 65534;

  /** Which files may be opened. */
  public enum Access {
    /** Those that our own user may open; no capability is kept. */
    OWN_FILES,
    /** As root, those of every user: {@code CAP_DAC_OVERRIDE} is kept. */
    ANY_FILES
  }

  /**
   * Checks program and user.
   *
   * @throws N0Exception INVALID if the program is blank or a relative path, or the user is root
   */
  public Settings {
    Rules.text("program", program, 4096);
    if (program.contains("/") != program.startsWith("/") || program.startsWith("-")) {
      throw N0Exception.invalid("program", program, "must be a name or an absolute path");
    }
    Rules.range("foreignUser", foreignUser, 1, 0xffff_fffeL);
  }

  /**
   * Runs {@code qemu-img} of PATH without a capability, and as nobody on images of strangers.
   *
   * @return the settings
   */
  public static Settings standard() {
    return new Settings("qemu-img", Limits.standard(), Limits.foreign(), Access.OWN_FILES, NOBODY);
  }

  /**
   * Sets the program.
   *
   * @param nameOrPath a name to look up in PATH, or an absolute path
   * @return the changed settings
   */
  public Settings withProgram(String nameOrPath) {
    return new Settings(nameOrPath, limits, foreignLimits, access, foreignUser);
  }

  /**
   * Sets the limits for trusted images.
   *
   * @param trusted the limits
   * @return the changed settings
   */
  public Settings withLimits(Limits trusted) {
    return new Settings(program, trusted, foreignLimits, access, foreignUser);
  }

  /**
   * Sets the limits for images of strangers.
   *
   * @param foreign the limits
   * @return the changed settings
   */
  public Settings withForeignLimits(Limits foreign) {
    return new Settings(program, limits, foreign, access, foreignUser);
  }

  /**
   * Sets which files may be opened.
   *
   * @param files which
   * @return the changed settings
   */
  public Settings withAccess(Access files) {
    return new Settings(program, limits, foreignLimits, files, foreignUser);
  }

  /**
   * Sets who opens images of strangers.
   *
   * @param user the number of a user and group that owns nothing
   * @return the changed settings
   */
  public Settings withForeignUser(long user) {
    return new Settings(program, limits, foreignLimits, access, user);
  }
}
