import { ApiProperty } from '@nestjs/swagger';
import type { RecordedSession, SessionPage } from 'nest-session-ledger';

import { deviceName } from '../account/device-name.js';

/** A past or present session from the ledger. */
export class RecordedDevice {
  @ApiProperty()
  handle!: string;

  @ApiProperty({ example: 'Firefox on Linux' })
  name!: string;

  @ApiProperty({ type: String, nullable: true })
  address!: string | null;

  @ApiProperty()
  createdAt!: Date;

  @ApiProperty({ type: Date, nullable: true })
  endedAt!: Date | null;

  @ApiProperty({ type: String, nullable: true, example: 'logout' })
  endReason!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The ID of the user who ended it.' })
  endedBy!: string | null;

  static of(session: RecordedSession): RecordedDevice {
    const { handle, userAgent, ip, createdAt, endedAt, endReason, endedBy } = session;
    const name = deviceName(userAgent ?? '');
    return { handle, name, address: ip, createdAt, endedAt, endReason, endedBy };
  }
}

/** One page of a user's history. */
export class RecordedDevices {
  @ApiProperty({ type: [RecordedDevice] })
  sessions!: RecordedDevice[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Pass this as `after` to get the next page.',
  })
  next!: string | null;

  static of({ sessions, next }: SessionPage): RecordedDevices {
    return { sessions: sessions.map(RecordedDevice.of), next };
  }
}
