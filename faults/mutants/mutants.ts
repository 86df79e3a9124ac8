/** A deliberate bug, and the kind of fault that must reveal it. */
export interface Mutant {
  name: string;
  /** What it breaks, as the table in docs/reliability.md says. */
  breaks: string;
  /** The kind of fault. */
  kind: string;
  cluster?: boolean;
  edits: { file: string; from: string; to: string }[];
}

/** At least one for each kind of fault. `from` must occur exactly once in its file: mutants.spec.ts. */
export const mutants: Mutant[] = [
  {
    name: 'acknowledged-early',
    breaks: '`destroySession` resolves before Redis has ended the session',
    kind: 'app-killed',
    edits: [
      {
        file: 'src/session/session.service.ts',
        from: `    const cause = checkEnd(end, 'logout');
    const address = this.addresses.ofId(sessionId, 'destroySession');
    if (address) await this.store.destroy(address, cause);`,
        to: `    const cause = checkEnd(end, 'logout');
    const address = this.addresses.ofId(sessionId, 'destroySession');
    if (address) setTimeout(() => void this.store.destroy(address, cause).catch(() => 0), 20);`,
      },
    ],
  },
  {
    name: 'removed-when-read',
    breaks: 'events are deleted from the outbox as soon as they are read',
    kind: 'worker-killed',
    edits: [
      {
        file: 'src/audit/drain/drain.ts',
        from: 'entries = await this.outbox.head(bucket, count);',
        to: `entries = await this.outbox.head(bucket, count);
        await this.outbox.remove(bucket, entries);`,
      },
    ],
  },
  {
    name: 'removed-before-commit',
    breaks: 'events are deleted from the outbox before the commit',
    kind: 'worker-killed-before-commit',
    edits: [
      {
        file: 'src/audit/drain/drain.ts',
        from: '    return { entries, recorded, deadLettered: entries.length - events.length };',
        to: `    await this.outbox.remove(chain.chain, entries);
    return { entries, recorded, deadLettered: entries.length - events.length };`,
      },
    ],
  },
  {
    name: 'ends-not-deduplicated',
    breaks: "the drain doesn't check whether an end is recorded",
    kind: 'worker-killed-inside-commit',
    edits: [
      { file: 'src/audit/drain/session-rows.ts', from: 'end: endOf(row),', to: 'end: null,' },
    ],
  },
  {
    name: 'nothing-deduplicated',
    breaks: 'the drain records whatever is in the outbox',
    kind: 'worker-killed-after-commit',
    edits: [
      {
        file: 'src/audit/drain/session-rows.ts',
        from: "if (event.event === 'created' ? state.created : state.end) {",
        to: 'if (Math.random() < 0) {',
      },
    ],
  },
  {
    name: 'removed-by-count',
    breaks: 'after the commit, the drain trims the stream by the number of entries it read',
    kind: 'loop-blocked',
    edits: [
      {
        file: 'src/audit/drain/outbox.ts',
        from: `    const ids = entries.map((entry) => entry.id);
    const { outbox } = this.buckets.keysOf(bucket);
    await this.redis.bounded(this.redis.client.xdel(outbox, ...ids));`,
        to: `    const left = Math.max(0, (await this.length(bucket)) - entries.length);
    const { outbox } = this.buckets.keysOf(bucket);
    await this.redis.bounded(this.redis.client.xtrim(outbox, 'MAXLEN', left));`,
      },
    ],
  },
  {
    name: 'chain-not-locked',
    breaks: 'the head of the chain is read without a lock',
    kind: 'two-drainers',
    edits: [
      {
        file: 'src/audit/drain/ledger-writer.ts',
        from: '\nFOR UPDATE SKIP LOCKED`',
        to: '`',
      },
    ],
  },
  {
    name: 'end-by-wall-clock',
    breaks: "a lifetime is measured by the application's clock",
    kind: 'clock-wrong',
    edits: [
      {
        file: 'src/session/expiry.ts',
        from: "return { kind: 'for', value: whole };",
        to: "return { kind: 'until', value: Date.now() + whole };",
      },
    ],
  },
  {
    name: 'deadline-by-wall-clock',
    breaks: "a request's deadline is set by the application's clock",
    kind: 'clock-wrong',
    edits: [
      {
        file: 'src/store/redis-clock.ts',
        from: 'return this.offset + elapsed;',
        to: 'return Date.now();',
      },
    ],
  },
  {
    name: 'script-loaded-once',
    breaks: 'a script that Redis has loaded once is never sent again',
    kind: 'redis-killed',
    edits: [
      {
        file: 'src/store/bounded-redis.ts',
        from: "!error.message.startsWith('NOSCRIPT')) throw error;",
        to: "!error.message.startsWith('NOSCRIPT') || KNOWN.has(script.sha1)) throw error;\n      KNOWN.add(script.sha1);",
      },
      {
        file: 'src/store/bounded-redis.ts',
        from: '/**\n * Runs commands within',
        to: 'const KNOWN = new Set<string>();\n\n/**\n * Runs commands within',
      },
    ],
  },
  {
    name: 'given-up-on-error',
    breaks: 'a batch that Postgres never answered counts as recorded',
    kind: 'postgres-killed',
    edits: [
      {
        file: 'src/audit/drain/drain.ts',
        from: 'if (!isDataError(error) || entries.length === 0) throw error;',
        to: `if (!isDataError(error) || entries.length === 0) {
        await this.outbox.remove(bucket, entries);
        throw error;
      }`,
      },
    ],
  },
  {
    name: 'outbox-capped',
    breaks: 'the outbox keeps its newest 50 events',
    kind: 'postgres-away',
    edits: [
      {
        file: 'src/store/lua/include/append-event.lua',
        from: "redis.call('XADD', outbox, '*',",
        to: "redis.call('XADD', outbox, 'MAXLEN', 50, '*',",
      },
    ],
  },
  {
    name: 'sweep-needs-record',
    breaks: 'the sweep records an end only if the key still exists',
    kind: 'all-down',
    edits: [
      {
        file: 'src/store/lua/sweep.lua',
        from: '  if digest then',
        to: "  if digest and redis.call('EXISTS', session_key(digest)) == 1 then",
      },
    ],
  },
  {
    name: 'no-watchdog',
    breaks: 'the jobs rely on BullMQ alone',
    kind: 'queue-deleted',
    edits: [
      {
        file: 'src/audit/jobs/worker.ts',
        from: 'this.watchdog = setInterval(() => this.watch(), WATCHDOG_INTERVAL);',
        to: '',
      },
    ],
  },
  {
    name: 'end-needs-memory',
    breaks: 'the destroy script without `allow-oom`',
    kind: 'redis-full',
    edits: [{ file: 'src/store/lua/destroy.lua', from: '#!lua flags=allow-oom', to: '#!lua' }],
  },
  {
    name: 'rotation-not-idempotent',
    breaks: "a repeated rotation doesn't look for the first one",
    kind: 'replies-dropped',
    edits: [
      { file: 'src/store/lua/rotate.lua', from: 'if earlier then return earlier end\n', to: '' },
    ],
  },
  {
    name: 'creation-not-idempotent',
    breaks: "a repeated creation doesn't look for the first one",
    kind: 'connections-cut',
    edits: [
      { file: 'src/store/lua/create.lua', from: 'if earlier then return earlier end\n', to: '' },
    ],
  },
  {
    name: 'silence-means-no-session',
    breaks: 'a read without an answer counts as no session',
    kind: 'slow-link',
    edits: [
      {
        file: 'src/store/session-store.ts',
        from: 'await this.reads.get(this.buckets.keysOf(at.bucket).session(at.digest));',
        to: 'await this.reads.get(this.buckets.keysOf(at.bucket).session(at.digest)).catch(() => null);',
      },
    ],
  },
  {
    name: 'dead-link-kept',
    breaks: 'a silent connection to Redis is never closed',
    kind: 'half-open',
    edits: [{ file: 'src/store/connect.ts', from: '    socketTimeout: 2 * timeout,\n', to: '' }],
  },
  {
    name: 'lock-held-for-ever',
    breaks: 'Postgres keeps the transaction of a silent drainer',
    kind: 'half-open',
    edits: [
      {
        file: 'src/audit/postgres/connection.ts',
        from: "'idle_in_transaction_session_timeout', '10s'",
        to: "'idle_in_transaction_session_timeout', '0'",
      },
    ],
  },
  {
    name: 'replica-believed',
    breaks: 'reads take the word of any server',
    kind: 'demoted-master',
    edits: [
      {
        file: 'src/store/master-reads.ts',
        from: 'client.getex(key).catch',
        to: 'client.get(key).catch',
      },
      {
        file: 'src/store/master-reads.ts',
        from: 'pipeline.getex(proofKey);',
        to: 'pipeline.get(proofKey);',
      },
    ],
  },
  {
    name: 'moving-slot-overlooked',
    breaks: 'scripts also run while their slot moves',
    kind: 'slots-moved',
    cluster: true,
    edits: [
      {
        file: 'src/store/lua/include/bucket.lua',
        from: "redis.call('EXISTS', expiry_index, base .. 'p')\n",
        to: '',
      },
    ],
  },
  {
    name: 'reads-redirected-together',
    breaks: "reads of a Cluster share ioredis's pipelines",
    kind: 'slots-moved',
    cluster: true,
    edits: [
      {
        file: 'src/store/connect.ts',
        from: '    retryDelayOnTryAgain: MOVING_SLOT_RETRY,',
        to: '    retryDelayOnTryAgain: MOVING_SLOT_RETRY,\n    enableAutoPipelining: true,',
      },
      {
        file: 'src/store/client-checks.ts',
        from: '  rejectAutoPipelining(client);',
        to: '  void rejectAutoPipelining;',
      },
    ],
  },
  {
    name: 'nodes-not-secured',
    breaks: "ioredis's `READONLY` and `ASKING` are left as they are",
    kind: 'slots-moved',
    cluster: true,
    edits: [
      {
        file: 'src/store/connect.ts',
        from: '  secureNodes(client);',
        to: '  void secureNodes;',
      },
    ],
  },
  {
    name: 'rollback-overlooked',
    breaks: 'numbers that were given out twice show nothing',
    kind: 'master-killed',
    cluster: true,
    edits: [
      {
        file: 'src/audit/drain/outbox-numbers.ts',
        from: 'reused <= committed ?',
        to: 'reused < 0 ?',
      },
    ],
  },
  {
    name: 'resurrection-overlooked',
    breaks: "mending doesn't end sessions that are over in SQL",
    kind: 'rollback',
    edits: [
      {
        file: 'src/audit/jobs/rollback-damage.ts',
        from: '!isOpen && alive[i]',
        to: '!isOpen && alive[i] && i < 0',
      },
    ],
  },
  {
    name: 'loss-overlooked',
    breaks: "mending doesn't look for what Redis has lost",
    kind: 'rollback',
    edits: [
      {
        file: 'src/audit/jobs/rollback-damage.ts',
        from: 'isOpen && !alive[i]',
        to: 'isOpen && !alive[i] && i < 0',
      },
    ],
  },
  {
    name: 'heirs-overlooked',
    breaks: "mending doesn't end what returned sessions were rotated into",
    kind: 'rollback',
    edits: [
      {
        file: 'src/audit/jobs/rollback-damage.ts',
        from: 'if (heirs.length === 0) return ended;',
        to: 'if (heirs.length >= 0) return ended;',
      },
    ],
  },
  {
    name: 'return-not-recorded',
    breaks: 'the second end of a session is dropped without an incident',
    kind: 'rollback',
    edits: [
      {
        file: 'src/audit/drain/second-ends.ts',
        from: 'await this.incidents.recordAll(runner, incidents);',
        to: 'if (incidents.length < 0) await this.incidents.recordAll(runner, incidents);',
      },
    ],
  },
  {
    name: 'empty-redis-believed',
    breaks: 'a Redis that names no ledger counts as the right one',
    kind: 'emptied',
    edits: [
      {
        file: 'src/audit/guard/ledger-binding.ts',
        from: "redis.ledger === null ? 'held' : 'bound'",
        to: "redis.ledger === '' ? 'held' : 'bound'",
      },
      {
        file: 'src/audit/guard/ledger-binding.ts',
        from: '(await this.readRedis()).keyspace !== keyspace',
        to: "keyspace === ''",
      },
    ],
  },
  {
    name: 'absence-overlooked',
    breaks: "the full comparison doesn't look for what Redis has lost",
    kind: 'emptied',
    edits: [
      {
        file: 'src/audit/reconcile/lost-sessions.ts',
        from: 'if (absent.length === 0) return [];',
        to: 'if (absent.length >= 0) return [];',
      },
    ],
  },
  {
    name: 'empty-redis-adopted',
    breaks: 'each worker adopts an empty Redis by itself',
    kind: 'wrong-redis',
    edits: [
      {
        file: 'src/audit/ledger.ts',
        from: 'settings.adoptsEmptyRedis ?',
        to: 'settings.adoptsEmptyRedis || Math.random() < 2 ?',
      },
    ],
  },
  {
    name: 'gap-overlooked',
    breaks: 'numbers that are missing show nothing',
    kind: 'postgres-rolled-back',
    edits: [
      {
        file: 'src/audit/drain/outbox-numbers.ts',
        from: 'if (number > next) gaps.push({ from: next, to: number - 1 });',
        to: '',
      },
    ],
  },
];
