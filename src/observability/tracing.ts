import type { Instrument } from './instrument.js';
import { outcomeOf } from './instrument.js';
import { optionalPackage } from './optional-package.js';

type OpenTelemetry = typeof import('@opentelemetry/api');

/**
 * Spans for the operations, named `session.createSession` and so on, where `@opentelemetry/api`
 * is installed. They hold no session ID, user ID or address. Null where it is not installed.
 */
export async function startTracing(module: string): Promise<Instrument | null> {
  const api = await optionalPackage<OpenTelemetry>(() => import('@opentelemetry/api'));
  if (!api) return null;
  const { SpanStatusCode, trace } = api;
  const tracer = trace.getTracer('nest-session-ledger');
  return {
    measure: (operation, run) =>
      tracer.startActiveSpan(
        `session.${operation}`,
        { attributes: { 'session.module': module } },
        async (span) => {
          try {
            return await run();
          } catch (error) {
            span.setStatus({ code: SpanStatusCode.ERROR });
            span.setAttribute('error.type', outcomeOf(error));
            throw error;
          } finally {
            span.end();
          }
        },
      ),
  };
}
