package io.n0stack.n0core.kvm.guest;

import java.util.Optional;

/**
 * What a guest says of its operating system, after {@code os-release}; not to be trusted.
 *
 * @param kernelRelease the kernel's release
 * @param kernelVersion the kernel's version
 * @param machine the processor's architecture
 * @param id the system's short name, such as {@code debian}
 * @param name the system's name
 * @param prettyName the name for people
 * @param version the version for people
 * @param versionId the version
 * @since 0.1
 */
public record OsInfo(
    Optional<String> kernelRelease,
    Optional<String> kernelVersion,
    Optional<String> machine,
    Optional<String> id,
    Optional<String> name,
    Optional<String> prettyName,
    Optional<String> version,
    Optional<String> versionId) {
  static OsInfo from(GuestResult result) {
    return new OsInfo(
        result.optText("/kernel-release"),
        result.optText("/kernel-version"),
        result.optText("/machine"),
        result.optText("/id"),
        result.optText("/name"),
        result.optText("/pretty-name"),
        result.optText("/version"),
        result.optText("/version-id"));
  }
}
