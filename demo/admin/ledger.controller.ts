import { Controller, HttpCode, Post, Req, Sse, type MessageEvent } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { SessionCookie, SessionService } from 'nest-session-ledger';
import { exhaustMap, filter, takeUntil, timer, type Observable } from 'rxjs';

import { UsersService } from '../users/users.service.js';
import { ChainCheck, ChainState } from './chain-check.js';
import { LiveView } from './live-view.js';
import { RequireAdmin } from './require-admin.js';

/** Time between checks whether the viewer is still an administrator (ms). */
const ACCESS_CHECK_INTERVAL = 2_000;

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
  @ApiOperation({
    summary: 'Watch the ledger: server-sent events `entries`, `figures` and `chain`',
  })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  live(@Req() request: Request): Observable<MessageEvent> {
    return this.liveView.watch().pipe(takeUntil(this.endOfAccess(this.cookie.read(request)!)));
  }

  @ApiOperation({ summary: 'Verify the whole ledger' })
  @Post('verify')
  @HttpCode(200)
  @ApiOkResponse({ type: ChainState })
  verify(): Promise<ChainState> {
    return this.chain.run();
  }

  /** Guards only run when a stream starts, so this emits when the viewer's access has ended. */
  private endOfAccess(sessionId: string): Observable<boolean> {
    return timer(ACCESS_CHECK_INTERVAL, ACCESS_CHECK_INTERVAL).pipe(
      exhaustMap(() => this.isAdmin(sessionId)),
      filter((isAdmin) => !isAdmin),
    );
  }

  /** `getSession` doesn't count as use, so a forgotten window doesn't keep its session alive. */
  private async isAdmin(sessionId: string): Promise<boolean> {
    const session = await this.sessions.getSession(sessionId);
    const user = session && (await this.users.findById(session.userId));
    return user?.role === 'admin';
  }
}
