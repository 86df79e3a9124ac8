import { ApiProperty } from '@nestjs/swagger';
import { IsString, MaxLength, MinLength } from 'class-validator';

export class PasswordChange {
  @ApiProperty({ example: 'analytical engine' })
  @IsString()
  @MaxLength(256)
  current!: string;

  /** NIST SP 800-63B-4, section 3.1.1.2: at least 15 characters where it is the only factor. */
  @ApiProperty({ example: 'notes by the translator', minLength: 15, maxLength: 256 })
  @IsString()
  @MinLength(15, { message: 'A password has at least 15 characters.' })
  @MaxLength(256)
  next!: string;
}
