/**
 * Makes an element. Text is only ever text: nothing that came from elsewhere can become markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties] attributes; functions are listeners
 * @param {...(Node | string | null)} children
 */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

const SVG = 'http://www.w3.org/2000/svg';

/** The same within an SVG. */
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

/** Says something to everybody: to those who see, and by the page's live region to those who hear. */
export function say(text, kind = 'info') {
  const message = byId('message');
  message.className = `message ${kind}`;
  message.textContent = text;
}
