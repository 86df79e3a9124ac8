import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { DataSource, EntitySchema } from 'typeorm';

import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import { EVENTS_PER_MS } from '../scenarios/drain.js';

const QUEUE = 'audit-events';
/** The best of the pairs tried: 20/10, 50/10, 50/20, 100/20, 100/50, 300/20. */
const CONCURRENCY = 50;
const POOL = 20;

interface AuditEvent {
  id?: string;
  event: string;
  sessionId: string;
  userId: string;
  ip: string;
  userAgent: string;
  occurredAt: Date;
}

const auditEvent = new EntitySchema<AuditEvent>({
  name: 'AuditEvent',
  tableName: 'audit_events',
  columns: {
    id: { type: 'bigint', primary: true, generated: 'increment' },
    event: { type: 'text' },
    sessionId: { type: 'text' },
    userId: { type: 'text' },
    ip: { type: 'text' },
    userAgent: { type: 'text' },
    occurredAt: { type: 'timestamptz' },
  },
  indices: [{ columns: ['sessionId'] }, { columns: ['userId', 'occurredAt'] }],
});

/** What people usually write: a job carries an event, and its worker inserts the row. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const database = new DataSource({
    type: 'postgres',
    url: servers.databaseUrl,
    entities: [auditEvent],
    synchronize: true,
    poolSize: POOL,
  });
  await database.initialize();
  const repository = database.getRepository(auditEvent);
  const connect = () => new Redis(servers.redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(QUEUE, { connection: connect() });
  let left = 0;
  let finish = () => {};
  const worker = new Worker(
    QUEUE,
    async (job: Job<Omit<AuditEvent, 'occurredAt'> & { occurredAt: string }>) => {
      await repository.insert({ ...job.data, occurredAt: new Date(job.data.occurredAt) });
    },
    {
      connection: connect(),
      concurrency: CONCURRENCY,
      autorun: true,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  worker.on('completed', () => {
    left -= 1;
    if (left === 0) finish();
  });
  await worker.waitUntilReady();

  return {
    async round(ms: number) {
      const count = (ms * EVENTS_PER_MS) / 8;
      await worker.pause();
      await addJobs(queue, count);
      left = count;
      const finished = new Promise<void>((resolve) => (finish = resolve));
      const start = performance.now();
      worker.resume();
      await finished;
      return (count / (performance.now() - start)) * 1_000;
    },
    cleanUp: async () => undefined,
  };
}

async function addJobs(queue: Queue, count: number): Promise<void> {
  for (let from = 0; from < count; from += 1_000) {
    const jobs = Array.from({ length: Math.min(1_000, count - from) }, (_, i) => ({
      name: 'session-created',
      data: eventOf(from + i),
    }));
    await queue.addBulk(jobs);
  }
}

function eventOf(user: number) {
  return {
    event: 'created',
    sessionId: `${userIdOf(user)}-0123456789`,
    userId: userIdOf(user),
    ...clientOf(user),
    occurredAt: new Date(),
  };
}
