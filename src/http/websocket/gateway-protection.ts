import { Inject } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

import { findAuthenticator } from '../find-gate.js';
import { inheritedRule } from '../requirement.js';
import { guardHandshakes, rememberHandshakes } from './socket-servers.js';

/** Where a gateway receives Nest's `ModuleRef`, through which its module's gate is found. */
const MODULES = Symbol('nest-session-ledger:modules');
/** What `@WebSocketGateway()` leaves on a class. */
const IS_GATEWAY = 'websockets:is_gateway';

interface Gateway {
  afterInit?(server: object): unknown;
}

/**
 * Has a gateway refuse handshakes without a valid session, where Nest runs guards for messages
 * only: a socket that never says anything would go on listening.
 *
 * Nest gives a gateway its server by calling `afterInit`, if there is one when the application
 * starts. So each instance gets one as soon as Nest injects the property below; nothing is done
 * to controllers and resolvers, which bear the same decorator.
 */
export function protectGateway(prototype: object): void {
  if (MODULES in prototype) return;
  Object.defineProperty(prototype, MODULES, {
    set(this: Gateway, modules: ModuleRef) {
      if (Reflect.hasMetadata(IS_GATEWAY, this.constructor)) protect(this, modules);
    },
  });
  Inject(ModuleRef)(prototype, MODULES);
}

function protect(gateway: Gateway, modules: ModuleRef): void {
  const { afterInit } = gateway;
  const rule = inheritedRule(gateway.constructor);
  gateway.afterInit = (server) => {
    // A gateway may be open but for some messages; those need the handshake, too.
    rememberHandshakes(server);
    if (rule && !rule.isPublic)
      guardHandshakes(server, findAuthenticator(modules, rule.name), rule.fresh);
    return afterInit?.call(gateway, server);
  };
}
