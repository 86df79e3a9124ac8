import { Field, ID, Mutation, ObjectType, Query, Resolver, Subscription } from '@nestjs/graphql';

import {
  CurrentSession,
  CurrentUser,
  Public,
  RequireSession,
  type SessionDetails,
} from '../../../src/index.js';
import type { Member } from './accounts.js';

@ObjectType()
export class Me {
  @Field(() => ID) id!: string;
  @Field() name!: string;
  @Field() handle!: string;
}

@RequireSession()
@Resolver()
export class MemberResolver {
  @Query(() => Me)
  me(@CurrentUser() { id, name }: Member, @CurrentSession() { handle }: SessionDetails): Me {
    return { id, name, handle };
  }

  @Mutation(() => Boolean)
  rename(): boolean {
    return true;
  }

  @RequireSession({ fresh: '10m' })
  @Mutation(() => Boolean)
  changePassword(): boolean {
    return true;
  }

  @Public()
  @Query(() => String)
  help(): string {
    return 'help';
  }

  /** Emits 0 and then stays open. */
  @Subscription(() => Number)
  async *news(): AsyncGenerator<{ news: number }> {
    yield { news: 0 };
    await new Promise(() => undefined);
  }
}

@RequireSession({ name: 'staff' })
@Resolver()
export class StaffResolver {
  @Query(() => ID)
  staff(@CurrentUser() user: { id: string }): string {
    return user.id;
  }
}
