import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

export type Role = 'user' | 'admin';

/** A row of `users`. */
@Entity('users')
export class User {
  @PrimaryGeneratedColumn('identity', { type: 'integer', generatedIdentity: 'ALWAYS' })
  id!: number;

  /** In lowercase. */
  @Column('text', { unique: true })
  email!: string;

  @Column('text')
  name!: string;

  @Column('text', { default: 'user' })
  role!: Role;

  /** Not selected by default, so a request's user never contains it. */
  @Column('text', { name: 'password_hash', select: false })
  passwordHash!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
