/**
 * Creates an element. String children become text nodes, so data from the API can never turn into
 * markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties] attributes; functions become event listeners
 * @param {...(Node | string | null)} children
 */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

const SVG = 'http://www.w3.org/2000/svg';

/** Like `el`, for elements inside an SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** @param {string} id */
export function byId(id) {
  return document.getElementById(id);
}

/** Shows a message at the top of the page. It is a live region, so screen readers announce it. */
export function showMessage(text, kind = 'info') {
  const message = byId('message');
  message.className = `message ${kind}`;
  message.textContent = text;
}

/** Runs an action and shows its error, if any, as the page's message. */
export async function attempt(action) {
  try {
    await action();
  } catch (error) {
    showMessage(error.message, 'error');
  }
}
