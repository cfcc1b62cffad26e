/**
 * First steps for a newcomer, from the notes that the sandbox was started with. A command in a
 * note can be clicked: it is written into the window of the person whom the note names.
 */

import { append, fill, h, icon } from "./dom.js";
import { parse } from "./mrkdwn.js";
import { element } from "./text.js";

const KEY = "sandbox-first-steps";

/**
 * @param {HTMLElement} root
 * @param {import("./directory.js").Directory} directory
 * @param {(suggestion: {as: string | null, channel: string | null, text: string}) => void} take
 */
export function mountSteps(root, directory, take) {
  const notes = directory.facts.notes ?? [];
  const isOpen = () => notes.length > 0 && localStorage.getItem(KEY) !== "closed";
  const set = (/** @type {boolean} */ open) => {
    if (open) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, "closed");
    draw();
  };
  const draw = () => {
    fill(root);
    if (!isOpen()) return;
    append(root, h("section", { class: "steps", "aria-label": "First steps" },
      h("h2", {}, "First steps"),
      h("ol", {}, notes.map((note) => h("li", {}, noteOf(note, directory, take)))),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close the first steps", on: { click: () => set(false) } }, icon("close"))));
  };
  draw();
  return { show: () => set(true), hasNotes: notes.length > 0, isOpen };
}

/**
 * @param {string} note mrkdwn
 * @param {import("./directory.js").Directory} directory
 * @param {(suggestion: {as: string | null, channel: string | null, text: string}) => void} take
 */
function noteOf(note, directory, take) {
  const pieces = parse(note);
  const as = pieces.find((piece) => piece.kind === "user");
  const channel = pieces.find((piece) => piece.kind === "channel");
  const words = h("span", {});
  for (const piece of pieces) {
    if (piece.kind === "code" && piece.text.startsWith("/")) {
      append(words, h("button", {
        type: "button", class: "suggestion", title: "Write this into the message field",
        on: { click: () => take({ as: as?.kind === "user" ? as.id : null, channel: channel?.kind === "channel" ? channel.id : null, text: piece.text }) },
      }, piece.text));
    } else append(words, [element(piece, { directory, as: "" })].flat());
  }
  return words;
}
