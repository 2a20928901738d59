package io.n0stack.n0core.kvm.qapi;

/**
 * An event of a keyboard or mouse.
 *
 * @since 0.1
 */
public sealed interface InputEvent {
  /** What happens to a key or button. */
  enum Motion {
    /** It is pressed. */
    DOWN,
    /** It is released. */
    UP
  }

  /** A mouse's button. */
  enum Button {
    /** The left one. */
    LEFT,
    /** The middle one. */
    MIDDLE,
    /** The right one. */
    RIGHT,
    /** The wheel, away from the user. */
    WHEEL_UP,
    /** The wheel, towards the user. */
    WHEEL_DOWN,
    /** The one at the side. */
    SIDE,
    /** The extra one. */
    EXTRA,
    /** The wheel, to the left. */
    WHEEL_LEFT,
    /** The wheel, to the right. */
    WHEEL_RIGHT
  }

  /** A direction. */
  enum Axis {
    /** Across. */
    X,
    /** Down. */
    Y
  }

  /**
   * A key is pressed or released.
   *
   * @param key the key
   * @param motion what happens to it
   * @since 0.1
   */
  record KeyEvent(Key key, Motion motion) implements InputEvent {}

  /**
   * A button is pressed or released.
   *
   * @param button the button
   * @param motion what happens to it
   * @since 0.1
   */
  record ButtonEvent(Button button, Motion motion) implements InputEvent {}

  /**
   * The mouse moves.
   *
   * @param axis in which direction
   * @param value how far
   * @since 0.1
   */
  record Relative(Axis axis, long value) implements InputEvent {}

  /**
   * The pointer is put somewhere.
   *
   * @param axis in which direction
   * @param value where, 0 to 32767
   * @since 0.1
   */
  record Absolute(Axis axis, long value) implements InputEvent {}
}
