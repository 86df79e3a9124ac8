import { ApiProperty } from '@nestjs/swagger';
import type { RecordedSession, SessionPage } from 'nest-session-ledger';

import { deviceName } from '../account/device-name.js';

/** A session, past or present, as the audit trail knows it. */
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

  @ApiProperty({ type: String, nullable: true, description: 'Who ended it: the ID of a user.' })
  endedBy!: string | null;

  static of(session: RecordedSession): RecordedDevice {
    const { handle, userAgent, ip, createdAt, endedAt, endReason, endedBy } = session;
    const name = deviceName(userAgent ?? '');
    return { handle, name, address: ip, createdAt, endedAt, endReason, endedBy };
  }
}

/** A page of a user's history. */
export class RecordedDevices {
  @ApiProperty({ type: [RecordedDevice] })
  sessions!: RecordedDevice[];

  @ApiProperty({ type: String, nullable: true, description: 'The `after` of the next page.' })
  next!: string | null;

  static of({ sessions, next }: SessionPage): RecordedDevices {
    return { sessions: sessions.map(RecordedDevice.of), next };
  }
}
