/**
 * The rows of the ledger that don't follow from the row before them, and the chains that don't
 * end where `session_chains` says. Written anew, and not taken from the module: the checker must
 * not share the module's mistakes.
 */
export const CHAIN_BREAKS = `
SELECT chain, 'row ' || seq || CASE WHEN gap THEN ' leaves a gap' ELSE ' has a wrong hash' END AS problem
FROM (
  SELECT chain, seq, hash,
         seq <> coalesce(lag(seq) OVER w, 0) + 1 AS gap,
         sha256(coalesce(lag(hash) OVER w, sha256('')) || convert_to(concat_ws(E'\\x1f',
           chain, seq, event, token, (extract(epoch FROM session_created_at) * 1000)::bigint,
           coalesce(user_id, E'\\x1e'), (extract(epoch FROM occurred_at) * 1000)::bigint,
           (extract(epoch FROM expires_at) * 1000)::bigint, coalesce(reason, E'\\x1e'),
           coalesce(actor, E'\\x1e'), coalesce(encode(client, 'hex'), E'\\x1e'),
           (extract(epoch FROM recorded_at) * 1000)::bigint), 'UTF8')) AS want
  FROM session_events WINDOW w AS (PARTITION BY chain ORDER BY seq)
) rows WHERE gap OR hash <> want
UNION ALL
SELECT chain, 'the chain ends at ' || coalesce(last.seq, 0) || ', its head says ' || last_seq
FROM session_chains
LEFT JOIN LATERAL (
  SELECT seq, hash FROM session_events e WHERE e.chain = session_chains.chain
  ORDER BY seq DESC LIMIT 1
) last ON true
WHERE last_seq <> coalesce(last.seq, 0) OR last_hash <> coalesce(last.hash, sha256(''))`;

/** What each connection does, one line each. */
export const BACKENDS = `
SELECT concat_ws(' ', pid, state, wait_event_type, wait_event, 'transaction for',
                 date_trunc('milliseconds', now() - xact_start), 'blocked by',
                 pg_blocking_pids(pid)::text, 'in this state for', date_trunc('milliseconds', clock_timestamp() - state_change),
                 left(regexp_replace(query, '\\s+', ' ', 'g'), 80)) AS backend
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
