/** A client for the agent inside a guest, whose every word is taken as hostile. */
@NullMarked
package io.n0stack.n0core.kvm.guest;

import org.jspecify.annotations.NullMarked;
