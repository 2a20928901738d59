package io.n0stack.n0core.net.netlink;

/**
 * What the kernel has to say about a request that it carried out, such as that it ignored a part.
 *
 * @param operation what was asked
 * @param kernelMessage the kernel's words
 * @since 0.1
 */
public record NetlinkWarning(String operation, String kernelMessage) {}
