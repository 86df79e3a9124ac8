import { Reflector } from '@nestjs/core';
import type { ExecutionContext } from '@nestjs/common';

import { SessionError } from '../errors.js';
import { milliseconds, type Duration } from '../session/duration.js';

/** What a route, resolver or message handler requires of the session. */
export interface SessionRequirement {
  /**
   * Maximum age of the user's sign-in, in milliseconds or as text such as `'10m'`. Use it for
   * sensitive operations such as a change of password (ASVS 5.0, 7.5.1). Older sign-ins are
   * rejected with `ERR_SESSION_NOT_FRESH`. Rotating the session doesn't count as a sign-in.
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

/** A method's rule replaces its class's, except for the module name, which it inherits. */
export function ruleFor(execution: ExecutionContext): Rule {
  const onMethod = reflector.get(RuleOf, execution.getHandler());
  const onClass = inheritedRule(execution.getClass());
  return { ...(onMethod ?? onClass), name: onMethod?.name ?? onClass?.name };
}

/** The rule of a class, which may come from a base class. */
export function inheritedRule(target: object): Rule | undefined {
  return reflector.get(RuleOf, target as () => void);
}

/** @throws SessionError `ERR_SESSION_OPTIONS` if `fresh` isn't a duration above 0 */
export function toRule({ fresh, name }: SessionRequirement): Rule {
  if (fresh === undefined) return { name };
  const ms = milliseconds(fresh);
  if (ms > 0) return { name, fresh: ms };
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    `@RequireSession: \`fresh\` is ${JSON.stringify(fresh)}; use milliseconds above 0, or text ` +
      "such as '10m'.",
  );
}
