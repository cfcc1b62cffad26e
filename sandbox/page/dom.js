/**
 * Building elements. Text always arrives as text nodes: no module of the page sets innerHTML,
 * so nothing that a person or a bot wrote can become markup.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. `on` holds listeners, `data` the data attributes; null, undefined and false
 * leave an attribute out, true sets it empty.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else if (key === "data") {
      for (const [name, text] of Object.entries(value)) {
        if (text !== null && text !== undefined) element.dataset[name] = String(text);
      }
    } else {
      element.setAttribute(key === "class" ? "class" : key, value === true ? "" : String(value));
    }
  }
  append(element, ...children);
  return element;
}

/** @param {Node} parent @param {...(Child | Child[])} children */
export function append(parent, ...children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** @param {Element} parent @param {...(Child | Child[])} children */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, ...children);
}

let serial = 0;

/** An id that no other element of the page has. @param {string} stem */
export function uid(stem) {
  serial += 1;
  return `${stem}-${serial}`;
}

const SVG = "http://www.w3.org/2000/svg";

/** Outlines on a 20 × 20 grid, drawn for this page. @type {Record<string, string>} */
const OUTLINES = {
  hash: "M8 3 6 17M14 3l-2 14M3.5 7.5h14M2.5 12.5h14",
  lock: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
  close: "M5 5l10 10M15 5 5 15",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  send: "M3 10 17 4l-4 13-3.5-5.5zM9.5 11.5 17 4",
  caret: "M5.5 8 10 12.5 14.5 8",
  thread: "M3 4h14v9.5H9L5.5 17v-3.5H3z",
  copy: "M7 7h9v10H7zM4 13V3h9",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z",
  check: "M4 10.5 8.2 15 16 6",
  down: "M10 4v12M5 11l5 5 5-5",
  more: "M4 10h.01M10 10h.01M16 10h.01",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6v4.3l2.8 1.7",
  alert: "M10 3 18 17H2zM10 8v4.2M10 14.6v.01",
};

/** A drawn sign, silent for screen readers: the words beside it say what it means. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", OUTLINES[name]);
  svg.appendChild(path);
  return svg;
}

const FOCUSABLE =
  'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex="0"]';

/** What the Tab key reaches inside, in order. @param {Element} root @returns {HTMLElement[]} */
export function focusable(root) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(FOCUSABLE)]).filter(
    (element) => element.getClientRects().length > 0 && !element.closest("[inert]"),
  );
}
