import { Inject } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';

import { inheritedRule } from '../requirement.js';
import { findAuthenticator, type SessionAuthenticator } from '../session.authenticator.js';
import { libraryOf } from './adapters.js';
import type { HandshakeCheck } from './socket-adapter.js';

/** The property of a gateway into which Nest injects its `ModuleRef`. */
const MODULES = Symbol('nest-session-ledger:modules');
/** Metadata that `@WebSocketGateway()` sets on a class. */
const IS_GATEWAY = 'websockets:is_gateway';

interface Gateway {
  afterInit?(server: object): unknown;
}

/**
 * Nest guards only run on messages, so an unauthenticated client could connect and listen. This
 * rejects it at the handshake.
 *
 * Nest calls a gateway's `afterInit` with its server, if the method exists when the application
 * starts. So each instance gets one as soon as Nest injects the property defined here. Controllers
 * and resolvers, which have the same decorator, ignore the injected value.
 */
export function protectGateway(prototype: object): void {
  if (MODULES in prototype) return;
  Object.defineProperty(prototype, MODULES, {
    set(this: Gateway, modules: ModuleRef) {
      if (Reflect.hasMetadata(IS_GATEWAY, this.constructor)) guardServerOf(this, modules);
    },
  });
  Inject(ModuleRef)(prototype, MODULES);
}

function guardServerOf(gateway: Gateway, modules: ModuleRef): void {
  const { afterInit } = gateway;
  gateway.afterInit = (server) => {
    // Without a rule on its class the gateway is open, but guards on messages need the handshake.
    libraryOf(server).prepareServer(server, checkFor(gateway, modules));
    return afterInit?.call(gateway, server);
  };
}

function checkFor(gateway: Gateway, modules: ModuleRef): HandshakeCheck | undefined {
  const rule = inheritedRule(gateway.constructor);
  if (!rule || rule.isPublic) return undefined;
  return handshakeCheck(findAuthenticator(modules, rule.name), rule.fresh);
}

function handshakeCheck(authenticator: SessionAuthenticator, fresh?: number): HandshakeCheck {
  return {
    rejectionOf: (subject, handshake) =>
      authenticator.authenticate({ subject, ...handshake }, fresh).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      ),
    watch(socket, subject) {
      const valid = authenticator.sessionOf(subject);
      if (valid) authenticator.sockets.watch(socket, valid.session.handle);
      return valid !== undefined;
    },
  };
}
