import { nullIfMissing, outcomeOf, type Instrument } from './instrument.js';

type OpenTelemetry = typeof import('@opentelemetry/api');

/**
 * Creates a span for each operation, named `session.createSession` and so on. Spans contain no
 * session ID, user ID or address. Null if `@opentelemetry/api` is not installed.
 */
export async function startTracing(module: string): Promise<Instrument | null> {
  const api = await loadOpenTelemetry();
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

async function loadOpenTelemetry(): Promise<OpenTelemetry | null> {
  try {
    return await import('@opentelemetry/api');
  } catch (error) {
    return nullIfMissing(error);
  }
}
