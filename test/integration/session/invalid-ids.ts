/** Integers from 0 to 2^32 - 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const HEX = '0123456789abcdefABCDEF';
/** Characters that often break decoders, regular expressions, keys and shells. */
const ODD = '\0\n\r +/={}:*%\'"é😀\ud800';

/** Strings that are not one of the valid IDs: some are random, others a valid ID with a change. */
export function* invalidIds(valid: string[], random: () => number): Generator<string, never> {
  const known = new Set(valid);
  const below = (limit: number) => random() % limit;
  const pick = <T>(from: ArrayLike<T>) => from[below(from.length)]!;

  // Strings are slices of long random texts: drawing each character would take too long.
  const text = (character: () => string) => Array.from({ length: 100_000 }, character).join('');
  const letters = text(() => pick(ALPHABET));
  const odd = text(() => pick(ODD));
  const any = text(() => String.fromCharCode(below(0x10000)));
  const part = (of: string, length: number) => {
    const from = below(of.length - length);
    return of.slice(from, from + length);
  };
  const at = (id: string, change: (character: string) => string) => {
    const place = below(id.length);
    return id.slice(0, place) + change(id[place]!) + id.slice(place + 1);
  };

  const kinds: ((id: string) => string)[] = [
    () => part(letters, below(100)),
    () => `sid_${part(letters, 45)}`,
    () => part(odd, below(60)),
    () => part(any, 49),
    () => `sid_0${pick(HEX)}${part(letters, 43)}`,
    (id) => at(id, () => pick(ALPHABET)),
    (id) => at(id, () => pick(ODD)),
    (id) => at(id, (character) => character + pick(ALPHABET)),
    (id) => at(id, () => ''),
    (id) => at(id, (character) => character.toUpperCase()),
    (id) => at(id, (character) => character.toLowerCase()),
    (id) => at(id, (character) => `%${character.charCodeAt(0).toString(16)}`),
    (id) => id + pick(ODD),
    (id) => pick(ODD) + id,
    (id) => id.slice(0, below(id.length)),
    (id) => id.slice(below(id.length)),
    (id) => id + id,
    (id) => [...id].toReversed().join(''),
    (id) => `sid_${pick(HEX)}${pick(HEX)}${id.slice(-43)}`,
    (id) => id.slice(-45),
    (id) => id.replace('sid_', 'SID_'),
    (id) => id.slice(0, -1) + pick(ALPHABET),
    (id) => Buffer.from(id).toString('base64url'),
    (id) => id.replace(/[aeo]/, '\uff41'),
  ];
  for (;;) {
    const made = pick(kinds)(pick(valid));
    if (!known.has(made)) yield made;
  }
}
