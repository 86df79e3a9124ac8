import { Controller, HttpCode, Post, Req, Sse, type MessageEvent } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { SessionCookie, SessionService } from 'nest-session-ledger';
import { exhaustMap, filter, takeUntil, timer, type Observable } from 'rxjs';

import { UsersService } from '../users/users.service.js';
import { ChainCheck, ChainState } from './chain-check.js';
import { LiveView } from './live-view.js';
import { RequireAdmin } from './require-admin.js';

/** How often to look whether the viewer may still watch, ms. */
const STILL_ADMIN_EVERY = 2_000;

@ApiTags('Administration')
@RequireAdmin()
@Controller('admin/ledger')
export class LedgerController {
  constructor(
    private readonly liveView: LiveView,
    private readonly chain: ChainCheck,
    private readonly sessions: SessionService,
    private readonly users: UsersService,
    private readonly cookie: SessionCookie,
  ) {}

  @Sse('live')
  @ApiOperation({ summary: 'What happens, as server-sent events: entries, figures, chain.' })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  live(@Req() request: Request): Observable<MessageEvent> {
    return this.liveView.watch().pipe(takeUntil(this.endOf(this.cookie.read(request)!)));
  }

  @ApiOperation({ summary: 'Verifies the whole ledger now.' })
  @Post('verify')
  @HttpCode(200)
  @ApiOkResponse({ type: ChainState })
  verify(): Promise<ChainState> {
    return this.chain.run();
  }

  /** The guard is asked once, when the stream begins; a session can end long before the stream. */
  private endOf(sessionId: string): Observable<boolean> {
    return timer(STILL_ADMIN_EVERY, STILL_ADMIN_EVERY).pipe(
      exhaustMap(() => this.isAdmin(sessionId)),
      filter((isAdmin) => !isAdmin),
    );
  }

  /** Looking on is no use of the session: a forgotten window doesn't keep it alive. */
  private async isAdmin(sessionId: string): Promise<boolean> {
    const session = await this.sessions.getSession(sessionId);
    const user = session && (await this.users.findById(session.userId));
    return user?.role === 'admin';
  }
}
