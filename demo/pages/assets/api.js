/** What the API refused, in words for the user. */
export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * Calls the API. Where the session is over it leaves for the sign-in page, and never returns.
 *
 * @param {string} path
 * @param {{ method?: string; body?: unknown }} [options]
 */
export async function api(path, { method = 'GET', body } = {}) {
  const response = await call(path, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (answer.code === 'ERR_SESSION_REQUIRED') return leave('ended');
  if (answer.code === 'ERR_SESSION_NOT_FRESH') return leave('again');
  const messages = [answer.message ?? `The server answered ${response.status}.`].flat();
  throw new ApiError(messages.join(' '), answer.code);
}

async function call(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new ApiError('The server can’t be reached. Try again.');
  }
}

/** Goes to sign in, and afterwards back here. */
function leave(why) {
  const to = location.pathname + location.search;
  location.replace(`/?${new URLSearchParams({ why, to })}`);
  return new Promise(() => {});
}
