import { Reflector } from '@nestjs/core';
import type { ExecutionContext } from '@nestjs/common';

import { SessionError } from '../errors.js';
import { show } from '../option-rules.js';
import { milliseconds, type Duration } from '../session/duration.js';

/** What a route, resolver or message handler requires of the session. */
export interface SessionRequirement {
  /**
   * Maximum age of the user's sign-in, in milliseconds or as text such as `'10m'`. Use it for
   * sensitive operations such as a change of password (ASVS 5.0, 7.5.1). Older sign-ins are
   * rejected with `ERR_SESSION_NOT_FRESH`. Rotating the session doesn't count as a sign-in. If a
   * method and its class both set it, the shorter one applies.
   *
   * @default no limit
   */
  fresh?: Duration;
  /**
   * The `name` of the `SessionModule` whose sessions are accepted, if the application has several.
   * Methods use the name of their class unless they set another.
   *
   * @default 'default', the module without a name
   */
  name?: string;
}

/** A requirement, resolved for the guard. */
export interface Rule {
  isPublic?: boolean;
  /** Maximum age of the sign-in (ms). */
  fresh?: number;
  name?: string;
}

/** The key is fixed, so that a second copy of the package in the application reads the same rule. */
export const RuleOf = Reflector.createDecorator<Rule>({ key: 'nest-session-ledger:rule' });

const reflector = new Reflector();

/** The rule of a method within its class. */
export function ruleFor(execution: ExecutionContext): Rule {
  const onMethod = reflector.get(RuleOf, execution.getHandler());
  const onClass = inheritedRule(execution.getClass());
  return onMethod ? within(onClass, onMethod) : { ...onClass };
}

/**
 * An inner rule replaces the outer one, except that it inherits the module's name and can't allow an
 * older sign-in.
 */
export function within(outer: Rule | undefined, inner: Rule): Rule {
  const fresh = Math.min(outer?.fresh ?? Infinity, inner.fresh ?? Infinity);
  return {
    ...inner,
    name: inner.name ?? outer?.name,
    fresh: Number.isFinite(fresh) ? fresh : undefined,
  };
}

/** The rule of a class, which may come from a base class. */
export function inheritedRule(target: object): Rule | undefined {
  return reflector.get(RuleOf, target as () => void);
}

/** @throws SessionError `ERR_SESSION_OPTIONS` if `fresh` isn't a duration above 0, or the name no text */
export function toRule(requirement: SessionRequirement): Rule {
  if (typeof requirement !== 'object' || requirement === null) {
    throw invalid(
      `the requirement is ${show(requirement)}; use an object such as { fresh: '10m' }`,
    );
  }
  const { fresh, name } = requirement;
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw invalid(`\`name\` is ${show(name)}; use the \`name\` of a SessionModule`);
  }
  if (fresh === undefined) return { name };
  const ms = milliseconds(fresh);
  if (ms > 0) return { name, fresh: ms };
  throw invalid(`\`fresh\` is ${show(fresh)}; use milliseconds above 0, or text such as '10m'`);
}

function invalid(why: string): SessionError {
  return new SessionError('ERR_SESSION_OPTIONS', `@RequireSession: ${why}.`);
}
