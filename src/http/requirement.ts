import { Reflector } from '@nestjs/core';
import type { ExecutionContext } from '@nestjs/common';

import { SessionError } from '../errors.js';
import { milliseconds, type Duration } from '../session/duration.js';

/** What a route, resolver or message handler asks of a session. */
export interface SessionRequirement {
  /**
   * The user must have signed in within this time, as before a change of the password
   * (ASVS 7.5.1). Rotating a session doesn't count as a sign-in.
   */
  fresh?: Duration;
  /**
   * The module whose sessions count, where the application has several: `'staff'`, say. What a
   * class asks for holds for its methods, unless they say otherwise.
   *
   * @default 'default': the module without a name
   */
  name?: string;
}

/** A requirement as the guard reads it. */
export interface Rule {
  isPublic?: boolean;
  /** ms */
  fresh?: number;
  name?: string;
}

/** The key is fixed, so that the rule is seen where the package is installed twice. */
export const RuleOf = Reflector.createDecorator<Rule>({ key: 'nest-session-ledger:rule' });

const reflector = new Reflector();

/** A method's rule replaces its class's, but for the module's name, which it keeps. */
export function ruleFor(context: ExecutionContext): Rule {
  const onMethod = reflector.get(RuleOf, context.getHandler());
  const onClass = inheritedRule(context.getClass());
  return { ...(onMethod ?? onClass), name: onMethod?.name ?? onClass?.name };
}

/** The rule that a class has, be it from a class that it extends. */
export function inheritedRule(target: object): Rule | undefined {
  return reflector.get(RuleOf, target as () => void);
}

/** @throws SessionError `ERR_SESSION_OPTIONS` while the class is being defined */
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
