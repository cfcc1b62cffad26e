/**
 * Dialogs of one window: the rest of the window is inert while one is open, Tab stays inside,
 * Escape closes, and the focus goes back to where it came from. Other windows stay usable.
 */

import { focusable, h, icon, uid } from "./dom.js";
import { wayBack } from "./focus.js";
import { plainWords, textObject } from "./text.js";

/** @typedef {{element: HTMLElement, close: () => void}} Dialog */

/**
 * @param {HTMLElement} host the window's element
 * @param {{role?: string, label: string, describedby?: string, kind: string, onEscape: () => void}} about
 *   `label` is the id of the heading
 * @returns {Dialog}
 */
export function openDialog(host, about) {
  const overlays = /** @type {HTMLElement} */ (host.querySelector(":scope > .overlays"));
  const back = wayBack(document.activeElement, host);
  const element = h("div", {
    class: `dialog ${about.kind}`, role: about.role ?? "dialog", "aria-modal": "true", tabindex: "-1",
    "aria-labelledby": about.label, "aria-describedby": about.describedby,
  });
  const layer = h("div", { class: "layer" }, element);
  layer.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      about.onEscape();
    } else if (event.key === "Tab") stayInside(event, element);
  });
  overlays.append(layer);
  shade(host, overlays);
  return {
    element,
    close() {
      const had = layer.contains(document.activeElement);
      layer.remove();
      shade(host, overlays);
      if (had) back();
    },
  };
}

/** Only the topmost layer can be reached. @param {HTMLElement} host @param {HTMLElement} overlays */
function shade(host, overlays) {
  const layers = /** @type {HTMLElement[]} */ ([...overlays.children]);
  const frame = /** @type {HTMLElement} */ (host.querySelector(":scope > .frame"));
  frame.inert = layers.length > 0;
  layers.forEach((layer, index) => {
    layer.inert = index < layers.length - 1;
  });
}

/** @param {KeyboardEvent} event @param {HTMLElement} element */
function stayInside(event, element) {
  const stops = focusable(element);
  if (!stops.length) return event.preventDefault();
  const [first, last] = [stops[0], stops[stops.length - 1]];
  const at = document.activeElement;
  if (event.shiftKey && (at === first || at === element)) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && at === last) {
    event.preventDefault();
    first.focus();
  }
}

/**
 * Asks before a button does what it does.
 * @param {HTMLElement} host
 * @param {import("./types.js").Confirm} question
 * @param {import("./text.js").Reader} reader
 * @returns {Promise<boolean>}
 */
export function askFirst(host, question, reader) {
  return new Promise((resolve) => {
    const [label, about] = [uid("question"), uid("question-about")];
    /** @param {boolean} yes */
    const answer = (yes) => {
      dialog.close();
      resolve(yes);
    };
    const dialog = openDialog(host, {
      role: "alertdialog", label, describedby: about, kind: "confirm", onEscape: () => answer(false),
    });
    const style = question.style === "danger" ? "danger" : "primary";
    const no = h("button", { type: "button", class: "button", on: { click: () => answer(false) } }, plainWords(question.deny));
    dialog.element.append(
      h("header", {}, h("h2", { id: label }, plainWords(question.title)), closeButton(() => answer(false))),
      h("div", { id: about, class: "dialog-body" }, textObject(question.text, reader)),
      h("footer", {}, no, h("button", { type: "button", class: `button ${style}`, on: { click: () => answer(true) } }, plainWords(question.confirm))),
    );
    no.focus();
  });
}

/** @param {() => void} close @param {string} [label] */
export function closeButton(close, label = "Close") {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, on: { click: close } }, icon("close"));
}
