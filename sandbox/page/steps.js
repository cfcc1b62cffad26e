/**
 * First steps for a newcomer, from the notes that the sandbox was started with. A command in a
 * note can be clicked: it is written into the window of the person whom the note names. A channel
 * or the app can be clicked too: that window goes there. Notes are mrkdwn or plain words.
 */

import { append, fill, h, icon } from "./dom.js";
import { keepFocus } from "./focus.js";
import { parse } from "./mrkdwn.js";
import { element } from "./text.js";

/** @typedef {{as: string | null, channel: string | null, text: string | null}} Suggestion `channel` may be the app's user */

const CLOSED = "sandbox-first-steps";
const AT = "sandbox-first-step";

/**
 * One step at a time, so that the windows keep their room.
 * @param {HTMLElement} root
 * @param {import("./directory.js").Directory} directory
 * @param {(suggestion: Suggestion) => void} take
 */
export function mountSteps(root, directory, take) {
  const notes = directory.facts.notes ?? [];
  const isOpen = () => notes.length > 0 && localStorage.getItem(CLOSED) !== "closed";
  const at = () => Math.min(Math.max(0, Number(localStorage.getItem(AT)) || 0), notes.length - 1);
  const set = (/** @type {boolean} */ open) => {
    if (open) localStorage.removeItem(CLOSED);
    else localStorage.setItem(CLOSED, "closed");
    draw();
  };
  /** @param {string} words @param {number} by */
  const turn = (words, by) => h("button", {
    type: "button", class: "button", "aria-disabled": notes[at() + by] === undefined ? "true" : null, data: { focus: `step ${by}` },
    on: {
      click: () => {
        if (notes[at() + by] === undefined) return;
        localStorage.setItem(AT, String(at() + by));
        draw();
      },
    },
  }, words);
  const draw = () => {
    const restore = keepFocus(root);
    fill(root);
    if (!isOpen()) return;
    append(root, h("section", { class: "steps", "aria-label": "First steps" },
      h("p", { class: "steps-at" }, h("strong", {}, "First steps"), ` ${at() + 1} of ${notes.length}`),
      h("p", { class: "steps-note", role: "status" }, noteOf(notes[at()], directory, take)),
      notes.length > 1 ? h("p", { class: "steps-turn" }, turn("Back", -1), turn("Next", 1)) : null,
      h("button", { type: "button", class: "icon-button", "aria-label": "Close the first steps", on: { click: () => set(false) } }, icon("close"))));
    restore();
  };
  draw();
  return { show: () => set(true), hasNotes: notes.length > 0 };
}

/**
 * A note with its commands to write and its places to go to.
 * @param {string} note mrkdwn
 * @param {import("./directory.js").Directory} directory
 * @param {(suggestion: Suggestion) => void} take
 */
function noteOf(note, directory, take) {
  const pieces = parse(readable(note, directory));
  const app = directory.app.bot_user_id;
  const as = idOf(pieces.find((piece) => piece.kind === "user" && piece.id !== app));
  const channel = idOf(pieces.find((piece) => piece.kind === "channel"));
  /** @param {string} words @param {string} kind @param {Suggestion} suggestion */
  const go = (words, kind, suggestion) => h("button", { type: "button", class: kind, on: { click: () => take(suggestion) } }, words);
  const words = h("span", {});
  for (const piece of pieces) {
    if (piece.kind === "code" && piece.text.startsWith("/")) append(words, go(piece.text, "suggestion", { as, channel, text: piece.text }));
    else if (piece.kind === "channel") append(words, go(`#${directory.channelName(piece.id) ?? piece.label}`, "mention goes", { as, channel: piece.id, text: null }));
    else if (piece.kind === "user" && piece.id === app) append(words, go(directory.app.name, "mention goes", { as, channel: app, text: null }));
    else append(words, [element(piece, { directory, as: "" })].flat());
  }
  return words;
}

/**
 * A note in plain words, with its command (up to the end), the channels and the person after "As"
 * written as mrkdwn has them.
 * @param {string} note
 * @param {import("./directory.js").Directory} directory
 */
function readable(note, directory) {
  if (/[`<]/.test(note)) return note;
  const start = directory.app.commands
    .map(({ command }) => note.search(new RegExp(`(?<!\\S)${command.replace(/[^\w/]/g, "\\$&")}(?!\\S)`)))
    .filter((at) => at >= 0)
    .sort((a, b) => a - b)[0] ?? note.length;
  const words = note.slice(0, start)
    .replace(/(?<!\S)#([\w-]+)/g, (whole, name) => {
      const channel = directory.facts.channels.find((one) => one.name === name);
      return channel ? `<#${channel.id}>` : whole;
    })
    .replace(/\bAs (\p{L}+)/gu, (whole, name) => {
      const user = directory.people.find((one) => one.real_name.split(" ")[0] === name);
      return user ? `As <@${user.id}>` : whole;
    });
  return start < note.length ? `${words}\`${note.slice(start)}\`` : words;
}

/** @param {import("./mrkdwn.js").Piece | undefined} piece */
const idOf = (piece) => (piece && "id" in piece ? piece.id : null);
