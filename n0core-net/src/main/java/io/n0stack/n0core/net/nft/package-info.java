/** The kernel's packet filter, nftables, without the program {@code nft}. */
@NullMarked
package io.n0stack.n0core.net.nft;

import org.jspecify.annotations.NullMarked;
