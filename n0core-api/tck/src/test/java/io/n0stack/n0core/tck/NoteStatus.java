package io.n0stack.n0core.tck;

import java.nio.file.Path;

/**
 * A note as it is on the host.
 *
 * @param file the file
 * @param text what it says
 */
public record NoteStatus(Path file, String text) {}
