import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';

import { useWatchedApplication } from './use-watched-application.js';

describe('OpenTelemetry spans', () => {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  const site = useWatchedApplication({ database: undefined });
  afterEach(() => exporter.reset());
  afterAll(() => trace.disable());

  test('each operation has a span, which shows whether it failed', async () => {
    const { id } = await site.sessions.createSession({ userId: 'ada' });
    await fetch(`${site.url}/account`, { headers: { authorization: `Bearer ${id}` } });
    await site.sessions.createSession({ userId: '' }).catch(() => undefined);
    const spans = exporter.getFinishedSpans().map(({ name, attributes, status }) => ({
      name,
      attributes,
      failed: status.code === 2,
    }));
    const module = { 'session.module': 'default' };
    expect(spans).toEqual([
      { name: 'session.createSession', attributes: module, failed: false },
      { name: 'session.findValidSession', attributes: module, failed: false },
      {
        name: 'session.createSession',
        attributes: { ...module, 'error.type': 'ERR_SESSION_INPUT' },
        failed: true,
      },
    ]);
  });

  test('spans contain no session ID and no user', async () => {
    const { id } = await site.sessions.createSession({ userId: 'conspicuous' });
    await site.sessions.validateSession(id);
    const text = JSON.stringify(
      exporter.getFinishedSpans().map(({ name, attributes, events }) => [name, attributes, events]),
    );
    expect(text).not.toContain(id.slice(-43));
    expect(text).not.toContain('conspicuous');
  });
});
