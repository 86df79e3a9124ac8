/**
 * The text of a row that its hash covers, after the hash before it: the columns in order, joined
 * by U+001F, with U+001E for NULL. `ledger-hash.ts` writes the same.
 *
 * `array_to_string` puts its third argument where a NOT NULL column was made NULL by force, so the
 * text always has twelve parts. The times keep every digit that a column could be made to hold.
 */
export const ROW_TEXT = `convert_to(array_to_string(ARRAY[
      chain::text, seq::text, event, token, ${ms('session_created_at')}, user_id::text,
      ${ms('occurred_at')}, ${ms('expires_at')}, reason, actor, encode(client, 'hex'),
      ${ms('recorded_at')}], E'\\x1f', E'\\x1e'), 'UTF8')`;

/** Milliseconds since 1970, whole where nobody changed the column's precision. */
function ms(column: string): string {
  return `trim_scale(extract(epoch FROM ${column}) * 1000)::text`;
}
