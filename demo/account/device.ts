import { ApiProperty } from '@nestjs/swagger';
import type { SessionDetails } from 'nest-session-ledger';

import { deviceName } from './device-name.js';

/** An active session, as shown to its user. */
export class Device {
  @ApiProperty({ description: 'Identifies the session. It gives no access to it.' })
  handle!: string;

  @ApiProperty({ example: 'Firefox on Linux' })
  name!: string;

  @ApiProperty({ type: String, nullable: true, example: '127.0.0.1' })
  address!: string | null;

  @ApiProperty()
  signedInAt!: Date;

  @ApiProperty()
  lastUsedAt!: Date;

  @ApiProperty({ description: 'When the session ends if it is not used again.' })
  idleExpiresAt!: Date;

  @ApiProperty({ description: 'Whether the request was made with this session.' })
  isCurrent!: boolean;

  static of(session: SessionDetails, current?: SessionDetails): Device {
    const { handle, client, signedInAt, lastUsedAt, idleExpiresAt } = session;
    return {
      handle,
      name: deviceName(client.userAgent),
      address: client.ip ?? null,
      signedInAt,
      lastUsedAt,
      idleExpiresAt,
      isCurrent: handle === current?.handle,
    };
  }
}
