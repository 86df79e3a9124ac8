/**
 * Settings for one transaction, whatever the database's own are:
 *
 * - what is committed is on disk, as it is deleted from Redis next; a stronger setting stays
 * - a process that is frozen in mid-transaction loses it, and with it the lock on its chain
 * - batches join 1,000 keys to tables of any size: one index look-up each. Of a partition that was
 *   not analyzed yet, the planner would rather read all of it (measured: 50 times as long)
 * - compiling such a statement takes longer than running it
 */
export const prepareTransaction = `
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                  WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
       set_config('idle_in_transaction_session_timeout', '10s', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true)`;
