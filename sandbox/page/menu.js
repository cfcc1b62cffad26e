/** Menus under a button: arrow keys, Home, End and letters move, Enter picks, Escape closes. */

import { h, icon } from "./dom.js";

/** @typedef {{label: string | Node, text: string, note?: string, checked?: boolean, disabled?: boolean, pick: () => void}} Item */

/** @type {(() => void) | null} */
let closeOpen = null;

/**
 * Makes `button` open a menu.
 * @param {HTMLElement} button
 * @param {string} label for screen readers
 * @param {() => Item[]} items asked for at each opening
 */
export function attachMenu(button, label, items) {
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-expanded") === "true") closeOpen?.();
    else openMenu(button, label, items());
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || button.getAttribute("aria-expanded") === "true") return;
    event.preventDefault();
    openMenu(button, label, items());
  });
}

/** @param {HTMLElement} button @param {string} label @param {Item[]} items */
function openMenu(button, label, items) {
  closeOpen?.();
  const kind = items.some((item) => item.checked !== undefined) ? "menuitemradio" : "menuitem";
  const entries = items.map((item) =>
    h("div", {
      role: kind, tabindex: "-1", class: "menu-item",
      "aria-checked": kind === "menuitemradio" ? String(Boolean(item.checked)) : null,
      "aria-disabled": item.disabled ? "true" : null,
      on: { click: () => !item.disabled && pick(item) },
    }, h("span", { class: "menu-tick" }, item.checked ? icon("check") : null),
    h("span", { class: "menu-words" }, item.label, item.note ? h("small", {}, item.note) : null)));
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label }, entries);
  const close = (/** @type {boolean} */ back) => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    button.setAttribute("aria-expanded", "false");
    closeOpen = null;
    if (back) button.focus();
  };
  const outside = (/** @type {Event} */ event) => {
    const target = /** @type {Node} */ (event.target);
    if (!menu.contains(target) && !button.contains(target)) close(false);
  };
  const pick = (/** @type {Item} */ item) => {
    close(true);
    item.pick();
  };
  menu.addEventListener("keydown", (event) => {
    const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = move(event, at, items);
    if (next !== null) entries[next].focus();
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else if ((event.key === "Enter" || event.key === " ") && at >= 0 && !items[at].disabled) pick(items[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(menu);
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  closeOpen = () => close(true);
  const checked = items.findIndex((item) => item.checked);
  entries[Math.max(0, checked)]?.focus();
}

/** Where the key leads, or null. @param {KeyboardEvent} event @param {number} at @param {Item[]} items */
function move(event, at, items) {
  const count = items.length;
  if (event.key === "ArrowDown") return (at + 1) % count;
  if (event.key === "ArrowUp") return (at - 1 + count) % count;
  if (event.key === "Home") return 0;
  if (event.key === "End") return count - 1;
  if (event.key.length !== 1 || event.key === " ") return null;
  const order = [...items.keys()].map((index) => (at + 1 + index) % count);
  return order.find((index) => items[index].text.toLowerCase().startsWith(event.key.toLowerCase())) ?? null;
}

/** Below the button, or above it where there is no room. @param {HTMLElement} menu @param {HTMLElement} button */
function place(menu, button) {
  const from = button.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = innerHeight - from.bottom > size.height + 12 || from.top < size.height;
  menu.style.left = `${Math.max(8, Math.min(from.left, innerWidth - size.width - 8))}px`;
  menu.style.top = below ? `${from.bottom + 4}px` : `${from.top - size.height - 4}px`;
}
