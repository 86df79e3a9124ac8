/** An error response of the API, with a message to show to the user. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * Calls the API. If the session has ended, it opens the sign-in page and never returns.
 *
 * @param {string} path
 * @param {{ method?: string; body?: unknown }} [options]
 */
export async function api(path, { method = 'GET', body } = {}) {
  const response = await send(path, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
  if (response.status === 204) return null;
  const result = await response.json().catch(() => ({}));
  if (response.ok) return result;
  if (result.code === 'ERR_SESSION_REQUIRED') return openSignIn('signed-out');
  if (result.code === 'ERR_SESSION_NOT_FRESH') return openSignIn('not-fresh');
  const messages = [result.message ?? `The server responded with status ${response.status}.`];
  throw new ApiError(messages.flat().join(' '), response.status);
}

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new ApiError('Can’t reach the server. Try again.');
  }
}

/** Opens the sign-in page, which returns to the current page afterwards. */
function openSignIn(why) {
  const to = location.pathname + location.search;
  location.replace(`/?${new URLSearchParams({ why, to })}`);
  return new Promise(() => {});
}
