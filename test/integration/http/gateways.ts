import {
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  type GatewayMetadata,
} from '@nestjs/websockets';
import type { Type } from '@nestjs/common';

import { CurrentUser, Public, RequireSession } from '../../../src/index.js';
import type { Member } from './accounts.js';

export type SocketKind = 'Socket.IO' | 'ws';

/** Socket.IO addresses gateways by namespace, `ws` by path. */
function at(kind: SocketKind, name: string): GatewayMetadata {
  return kind === 'ws' ? { path: `/${name}` } : { namespace: name };
}

type Server = { emit(event: string, data: unknown): void } | { clients: Set<WsClient> };

interface WsClient {
  send(text: string): void;
}

function isAllowed({ req }: { req: { headers: Record<string, string> } }): boolean {
  if (req.headers['x-allowed'] === 'broken') throw new Error('The check is broken.');
  return req.headers['x-allowed'] === 'yes';
}

/** The gateways of the test application. */
export function gatewaysOf(kind: SocketKind): Type[] {
  @RequireSession()
  @WebSocketGateway(at(kind, 'chat'))
  class ChatGateway {
    @WebSocketServer() private readonly server!: Server;

    @SubscribeMessage('who am i')
    whoAmI(@CurrentUser() user: Member) {
      return { event: 'answer', data: user.name };
    }

    @RequireSession({ fresh: '10m' })
    @SubscribeMessage('change password')
    changePassword() {
      return { event: 'answer', data: 'changed' };
    }

    /** Broadcasts to all open sockets. */
    @SubscribeMessage('say')
    say() {
      if ('clients' in this.server) {
        for (const client of this.server.clients) client.send('{"event":"said","data":"hello"}');
      } else {
        this.server.emit('said', 'hello');
      }
    }
  }

  /** Open, except for one message. */
  @WebSocketGateway(at(kind, 'help'))
  class HelpGateway {
    @SubscribeMessage('ask')
    ask() {
      return { event: 'answer', data: 'help' };
    }

    @RequireSession()
    @SubscribeMessage('who am i')
    whoAmI(@CurrentUser() user: Member) {
      return { event: 'answer', data: user.name };
    }
  }

  @RequireSession({ name: 'staff' })
  @WebSocketGateway(at(kind, 'staff'))
  class StaffGateway {
    connected = 0;

    /** An application's own hook must still run. */
    afterInit(): void {
      this.connected = 0;
    }

    handleConnection(): void {
      this.connected++;
    }

    @SubscribeMessage('who am i')
    whoAmI(@CurrentUser() user: { id: string }) {
      return { event: 'answer', data: `${user.id} of ${this.connected}` };
    }

    @Public()
    @SubscribeMessage('ask')
    ask() {
      return { event: 'answer', data: 'help' };
    }
  }

  /** Extends a guarded gateway and has no decorator itself. */
  @WebSocketGateway(at(kind, 'derived'))
  class DerivedGateway extends ChatGateway {
    afterInit(): void {}
  }

  /** Has a check of its own, which `ws` runs without a callback. */
  @RequireSession()
  @WebSocketGateway({ ...at(kind, 'checked'), verifyClient: isAllowed })
  class CheckedGateway extends ChatGateway {}

  return [ChatGateway, HelpGateway, StaffGateway, DerivedGateway, CheckedGateway];
}
