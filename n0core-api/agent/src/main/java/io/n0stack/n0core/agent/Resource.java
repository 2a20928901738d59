package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;

/**
 * A resource as the agent has it on record. What it is like on the host is asked with {@link
 * Agent#observe}.
 *
 * @param id its identity
 * @param spec what it is to be
 * @param generation how many specs it has had, from 1
 * @param phase what the agent is about to do with it
 * @param message why it is not READY; empty if there is nothing to say
 * @since 0.1
 */
public record Resource(ResourceId id, Spec spec, long generation, Phase phase, String message) {}
