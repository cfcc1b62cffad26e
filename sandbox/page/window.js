/** One person's window: who one is, where one can go, what is said there, and the forms on top. */

import { askFirst } from "./dialog.js";
import { fill, h, icon, uid } from "./dom.js";
import { mountModal } from "./modal.js";
import { mountPane, mountThread } from "./pane.js";
import { personSwitch } from "./person.js";
import { Seat } from "./seat.js";
import { mountSidebar } from "./sidebar.js";

/**
 * @typedef {{
 *   node: HTMLElement, seat: Seat, write: (text: string) => void, close: () => void
 * }} Window_
 */

/**
 * Opens a window. It is on the page at once and filled when the server has answered.
 * @param {import("./directory.js").Directory} directory
 * @param {{as: string, channel?: string}} whose
 * @param {{change: (id: string) => void, moved: () => void}} listener
 * @returns {{window: Window_, ready: Promise<void>}}
 */
export function openWindow(directory, whose, listener) {
  const seat = new Seat(whose.as, directory);
  const node = h("section", { class: "window", id: uid("window"), data: { as: whose.as }, "aria-label": `Window of ${directory.nameOf(whose.as)}`, tabindex: "-1" });
  /** @param {import("./types.js").Confirm} question */
  const ask = (question) => askFirst(node, question, { directory, as: seat.as });
  const drawer = h("button", {
    type: "button", class: "icon-button drawer", "aria-label": "Channels", "aria-expanded": "false",
    on: { click: () => setDrawer(drawer.getAttribute("aria-expanded") === "false") },
  }, icon("menu"));
  const setDrawer = (/** @type {boolean} */ open) => {
    node.querySelector(".window-body")?.classList.toggle("open", open);
    drawer.setAttribute("aria-expanded", String(open));
  };
  const sidebar = mountSidebar(seat, () => setDrawer(false));
  const pane = mountPane(seat, ask);
  const thread = mountThread(seat, ask);
  const head = h("header", { class: "window-head" });
  const drawHead = () => fill(head, drawer, personSwitch(directory, whose.as, listener.change));
  const closing = new AbortController();
  directory.addEventListener("change", drawHead, { signal: closing.signal });
  drawHead();
  node.append(
    h("div", { class: "frame" },
      head,
      h("div", { class: "window-body" }, sidebar, pane.node, thread.node)),
    h("div", { class: "overlays" }));
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer.getAttribute("aria-expanded") === "true") setDrawer(false);
  });
  pane.node.addEventListener("pointerdown", () => setDrawer(false));
  mountModal(node, seat);
  seat.addEventListener("change", (event) => {
    if (/** @type {CustomEvent} */ (event).detail === "place") listener.moved();
  });
  const window = {
    node, seat,
    write: (/** @type {string} */ text) => pane.composer.write(text),
    close: () => {
      closing.abort();
      seat.stop();
      node.remove();
    },
  };
  return { window, ready: seat.start(whose.channel) };
}
