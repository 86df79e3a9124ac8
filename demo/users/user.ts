import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

export type Role = 'user' | 'admin';

/** A row of `users`. */
@Entity('users')
export class User {
  @PrimaryGeneratedColumn('identity', { type: 'integer', generatedIdentity: 'ALWAYS' })
  id!: number;

  /** In lower case. */
  @Column('text', { unique: true })
  email!: string;

  @Column('text')
  name!: string;

  @Column('text', { default: 'user' })
  role!: Role;

  /** Read only where a password is checked: the user of a request never carries it. */
  @Column('text', { name: 'password_hash', select: false })
  passwordHash!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
