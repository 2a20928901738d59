/** Tests in JVMs of their own: of another user, in other namespaces, under another kernel. */
@NullMarked
package io.n0stack.n0core.tck.child;

import org.jspecify.annotations.NullMarked;
