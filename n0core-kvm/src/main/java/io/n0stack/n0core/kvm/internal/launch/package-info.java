/** What confines and accompanies the processes of a machine: users, control groups, helpers. */
@NullMarked
package io.n0stack.n0core.kvm.internal.launch;

import org.jspecify.annotations.NullMarked;
