import { ApiProperty } from '@nestjs/swagger';
import type { SessionDetails } from 'nest-session-ledger';

import { deviceName } from './device-name.js';

/** A session as its user knows it. */
export class Device {
  @ApiProperty({ description: 'Names the session, and gives no access to it.' })
  handle!: string;

  @ApiProperty({ example: 'Firefox on Linux' })
  name!: string;

  @ApiProperty({ type: String, nullable: true, example: '127.0.0.1' })
  address!: string | null;

  @ApiProperty()
  signedInAt!: Date;

  @ApiProperty()
  lastUsedAt!: Date;

  @ApiProperty({ description: 'When it ends if it is not used again.' })
  expires!: Date;

  @ApiProperty({ description: 'Whether the request came from it.' })
  isCurrent!: boolean;

  static of(session: SessionDetails, current?: SessionDetails): Device {
    const { handle, client, signedInAt, lastUsedAt, idleExpiresAt } = session;
    return {
      handle,
      name: deviceName(client.userAgent),
      address: client.ip ?? null,
      signedInAt,
      lastUsedAt,
      expires: idleExpiresAt,
      isCurrent: handle === current?.handle,
    };
  }
}
