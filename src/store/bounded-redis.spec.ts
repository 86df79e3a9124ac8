import { describe, expect, test } from '@jest/globals';

import { SessionError } from '../errors.js';
import { BoundedRedis, type RedisClient } from './bounded-redis.js';
import { redisError } from './redis-errors.js';

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

describe('redisError', () => {
  test.each<[Error, string]>([
    [replyError("OOM command not allowed when used memory > 'maxmemory'."), 'FULL'],
    [replyError('OOM allow-oom flag is not set on the script, can not run it'), 'FULL'],
    [replyError('LOADING Redis is loading the dataset in memory'), 'UNAVAILABLE'],
    [replyError("READONLY You can't write against a read only replica."), 'UNAVAILABLE'],
    [replyError('CLUSTERDOWN Hash slot not served'), 'UNAVAILABLE'],
    [replyError('MASTERDOWN Link with MASTER is down'), 'UNAVAILABLE'],
    [replyError('BUSY Redis is busy running a script.'), 'UNAVAILABLE'],
    [replyError('MISCONF Errors writing to the AOF file'), 'UNAVAILABLE'],
    [replyError('TRYAGAIN Multiple keys request during rehashing of slot'), 'UNAVAILABLE'],
    [replyError('MOVED 9842 127.0.0.1:7001'), 'UNAVAILABLE'],
    [replyError('ASK 9842 127.0.0.1:7001'), 'UNAVAILABLE'],
    [replyError('WRONGTYPE Operation against a key'), 'REFUSED'],
    [replyError('NOAUTH Authentication required.'), 'UNAVAILABLE'],
    [replyError('WRONGPASS invalid username-password pair'), 'UNAVAILABLE'],
    [replyError("NOPERM User app has no permissions to run the 'getex' command"), 'UNAVAILABLE'],
    [replyError('ERR max number of clients reached'), 'UNAVAILABLE'],
    [replyError('ERR user_script:7: unreadable session record'), 'REFUSED'],
    [new Error('Connection is closed.'), 'UNAVAILABLE'],
    [new Error('connect ECONNREFUSED 127.0.0.1:6379'), 'UNAVAILABLE'],
  ])('%p becomes ERR_SESSION_REDIS_%s', (cause, code) => {
    expect(redisError(cause)).toMatchObject({ code: `ERR_SESSION_REDIS_${code}`, cause });
  });

  test('a SessionError is passed on unchanged', () => {
    const error = new SessionError('ERR_SESSION_LIMIT', 'too many');
    expect(redisError(error)).toBe(error);
  });

  test('a thrown value that is not an Error becomes the cause', () => {
    expect(redisError('gone')).toMatchObject({
      code: 'ERR_SESSION_REDIS_UNAVAILABLE',
      cause: 'gone',
    });
  });
});

describe('BoundedRedis', () => {
  const redis = new BoundedRedis({} as RedisClient, 20);

  test('a bounded call returns the reply if it arrives in time', async () => {
    expect(await redis.bounded(Promise.resolve('PONG'))).toBe('PONG');
  });

  test('a bounded call fails as unavailable after the timeout', async () => {
    await expect(redis.bounded(new Promise(() => undefined))).rejects.toMatchObject({
      code: 'ERR_SESSION_REDIS_UNAVAILABLE',
      message: expect.stringContaining('within 20 ms'),
    });
  });

  test('a failure after the timeout is not an unhandled rejection', async () => {
    let fail: (error: Error) => void = () => undefined;
    const command = new Promise((_, reject) => (fail = reject));
    await expect(redis.bounded(command)).rejects.toThrow();
    fail(new Error('too late'));
    await expect(command).rejects.toThrow('too late');
  });
});
