/**
 * Text objects and the tree of mrkdwn as elements: mentions by name, dates in the reader's zone
 * with a countdown, code with a copy button.
 */

import { now } from "./clock.js";
import { countdown } from "./countdown.js";
import { fullTime, writeDate } from "./dates.js";
import { append, h, icon } from "./dom.js";
import { circlesIn, emojiOf, withEmoji } from "./emoji.js";
import { isSafeUrl, parse } from "./mrkdwn.js";

/** @typedef {import("./mrkdwn.js").Piece} Piece */
/** @typedef {import("./directory.js").Directory} Directory */
/** @typedef {{directory: Directory, as: string}} Reader whose eyes it is for */

/** @typedef {Extract<Piece, {kind: "date"}>} Dated */

const AGO = "{ago}";
/** Code of so many characters stays on one line: a name is not broken at its dashes. */
const SHORT = 24;
const TAGS = { bold: "strong", italic: "em", strike: "s" };

/**
 * A text object, or a message's top-level text when `names` is off.
 * @param {import("./types.js").TextObject} text
 * @param {Reader} reader
 */
export function textObject(text, reader) {
  if (text.type === "plain_text") {
    return h("span", { class: "plain" }, text.emoji === false ? text.text : withEmoji(text.text));
  }
  return rich(parse(text.text, { verbatim: text.verbatim, names: true }), reader);
}

/** @param {import("./types.js").TextObject | undefined | null} text */
export function plainWords(text) {
  return text ? (text.emoji === false ? text.text : withEmoji(text.text)) : "";
}

/** A message's own text. @param {string} text @param {Reader} reader */
export function messageText(text, reader) {
  return rich(parse(text), reader);
}

/** @param {Piece[]} pieces @param {Reader} reader */
export function rich(pieces, reader) {
  const span = h("div", { class: "mrkdwn" });
  append(span, all(pieces, reader));
  return span;
}

/** @param {Piece} piece @param {Reader} reader @returns {Node | (Node | null)[]} */
export function element(piece, reader) {
  switch (piece.kind) {
    case "text": return words(piece.text);
    case "break": return h("br");
    case "code": return h("code", { class: piece.text.length <= SHORT ? "short" : null }, piece.text);
    case "pre": return codeBlock(piece.text);
    case "bold": case "italic": case "strike": return h(TAGS[piece.kind], {}, all(piece.of, reader));
    case "quote": return h("blockquote", {}, all(piece.of, reader));
    case "link": return link(piece.url, all(piece.of, reader));
    case "user": return mention(`@${piece.label || reader.directory.nameOf(piece.id)}`, piece.id === reader.as);
    case "channel": return mention(`#${piece.label || reader.directory.channelName(piece.id) || "private channel"}`, false);
    case "group": return mention(groupName(piece, reader.directory), mine(piece.id, reader));
    case "everyone": return mention(`@${piece.name}`, true);
    case "emoji": return emoji(piece.name);
    case "date": return date(piece, reader);
    case "heading": return h("p", { class: `heading heading-${piece.level}` }, all(piece.of, reader));
    case "list": return list(piece, reader);
    case "rule": return h("hr");
  }
}

/** @param {string} text @returns {Node[]} */
function words(text) {
  return circlesIn(text).map((piece) => (piece.color
    ? h("span", { class: `emoji circle ${piece.color}`, role: "img", "aria-label": `${piece.color} circle` }, piece.text)
    : document.createTextNode(piece.text)));
}

/** @param {Piece[]} pieces @param {Reader} reader */
function all(pieces, reader) {
  const both = saidTwice(pieces);
  return pieces.flatMap((piece) => (piece.kind === "date" && both.has(piece.at) ? oneOfTwo(piece, reader) : element(piece, reader)));
}

/** Moments that stand in one text as a time and as a distance. @param {Piece[]} pieces */
function saidTwice(pieces) {
  const dates = pieces.flatMap((piece) => (piece.kind === "date" ? [piece] : []));
  const times = new Set(dates.filter((one) => one.format !== AGO).map((one) => one.at));
  return new Set(dates.filter((one) => one.format === AGO && times.has(one.at)).map((one) => one.at));
}

/** The countdown stands for the distance, once. @param {Dated} piece @param {Reader} reader */
function oneOfTwo(piece, reader) {
  const [shown] = date(piece, reader);
  return [piece.format === AGO ? countdown(piece.at) ?? shown : shown];
}

/** @param {{id: string, label: string}} piece @param {Directory} directory */
function groupName(piece, directory) {
  return `@${directory.groupHandle(piece.id) ?? (piece.label.replace(/^@/, "") || piece.id)}`;
}

/** @param {string} group @param {Reader} reader */
function mine(group, reader) {
  return Boolean(reader.directory.facts.usergroups.find((one) => one.id === group)?.users?.includes(reader.as));
}

/** @param {string} name @param {boolean} me */
function mention(name, me) {
  return h("span", { class: me ? "mention me" : "mention" }, name);
}

/** @param {string} url @param {(Node | null)[]} words */
function link(url, words) {
  if (!isSafeUrl(url)) return h("span", {}, words);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, words);
}

/** @param {string} name */
function emoji(name) {
  const char = emojiOf(name);
  if (!char) return document.createTextNode(`:${name}:`);
  if (circlesIn(char)[0].color) return words(char);
  return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, char);
}

/** @param {Dated} piece @param {Reader} reader @returns {Node[]} */
function date(piece, reader) {
  const when = { tz: reader.directory.user(reader.as)?.tz, now: now() };
  const written = writeDate(piece.at, piece.format, when);
  if (written === null) return [document.createTextNode(piece.fallback)];
  const time = h("time", { datetime: new Date(piece.at * 1000).toISOString(), title: fullTime(piece.at, when) }, written);
  const shown = piece.url ? link(piece.url, [time]) : time;
  // "in 2 minutes" counts already.
  const chip = piece.format.includes(AGO) ? null : countdown(piece.at);
  return chip ? [shown, document.createTextNode(" "), chip] : [shown];
}

/** @param {Extract<Piece, {kind: "list"}>} piece @param {Reader} reader */
function list(piece, reader) {
  return h(piece.ordered ? "ol" : "ul", {}, piece.items.map((item) => h("li", {}, all(item, reader))));
}

/** @param {string} text */
export function codeBlock(text) {
  const words = h("span", { class: "copy-words" }, "Copy");
  const button = h("button", { type: "button", class: "copy", "aria-label": "Copy this text" }, icon("copy"), words);
  button.addEventListener("click", async () => {
    const copied = await copy(text);
    words.textContent = copied ? "Copied" : "Select and copy";
    button.setAttribute("aria-label", copied ? "Copied" : "Could not copy: select the text and copy it");
    setTimeout(() => {
      words.textContent = "Copy";
      button.setAttribute("aria-label", "Copy this text");
    }, 2000);
  });
  return h("div", { class: "code-block" }, h("pre", { tabindex: "0", "aria-label": "Code" }, h("code", {}, text)), button);
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
