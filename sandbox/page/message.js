/** One message: who, when, what, its thread and what only one person sees of it. */

import { renderBlocks } from "./blocks.js";
import { now } from "./clock.js";
import { fullTime, timeOf } from "./dates.js";
import { h, icon } from "./dom.js";
import { emojiOf } from "./emoji.js";
import { Form } from "./form.js";
import { messageText } from "./text.js";

/** @typedef {import("./types.js").Message} Message */
/**
 * @typedef {{
 *   seat: import("./seat.js").Seat, inThread: boolean,
 *   ask: (question: import("./types.js").Confirm) => Promise<boolean>
 * }} Scene
 */

/** Who a message is from. @param {Message} message @param {import("./directory.js").Directory} directory */
export function authorOf(message, directory) {
  const user = message.user ? directory.user(message.user) : undefined;
  const isApp = Boolean(message.bot_id) || user?.is_bot || message.user === directory.app.bot_user_id;
  const name = isApp ? message.username || directory.app.name : message.user ? directory.nameOf(message.user) : message.username || "Sandbox";
  return { name, isApp, avatar: user?.avatar, id: message.user ?? message.bot_id ?? name };
}

/** @param {import("./types.js").Avatar | undefined} avatar @param {string} name @param {boolean} [isApp] */
export function avatarOf(avatar, name, isApp = false) {
  const node = h("span", { class: `avatar ${isApp ? "app" : ""}`, "aria-hidden": "true" }, avatar?.letter || [...name][0] || "?");
  const color = avatar?.color ?? "";
  if (/^#[0-9a-f]{6}$/i.test(color)) {
    node.style.setProperty("--avatar", color);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    if (red * 0.299 + green * 0.587 + blue * 0.114 > 150) node.classList.add("pale");
  }
  return node;
}

/**
 * @param {Message} message @param {Scene} scene
 * @param {{follows: boolean}} where `follows`: right after another one of the same author
 */
export function renderMessage(message, scene, where) {
  const { seat } = scene;
  const author = authorOf(message, seat.directory);
  const when = { tz: seat.directory.user(seat.as)?.tz, now: now() };
  const at = Number(message.ts);
  const clock = timeOf(at, when);
  // In the margin there is room for the digits only.
  const time = h("time", { datetime: new Date(at * 1000).toISOString(), title: fullTime(at, when) }, where.follows ? clock.replace(/\s?[AP]M$/i, "") : clock);
  const replies = !scene.inThread && !message.ephemeral;
  return h("article", {
    class: `message ${where.follows ? "follows" : ""} ${message.ephemeral ? "ephemeral" : ""}`,
    tabindex: "-1", data: { key: message.ts },
  },
  where.follows ? h("span", { class: "side-time" }, time) : avatarOf(author.avatar, author.name, author.isApp),
  h("div", { class: "message-body" },
    message.ephemeral ? privateLine() : null,
    where.follows
      ? h("span", { class: "sr-only" }, author.name)
      : h("p", { class: "byline" }, h("strong", {}, author.name), author.isApp ? h("span", { class: "badge" }, "App") : null, time),
    content(message, scene),
    message.edited && !message.blocks?.length ? h("span", { class: "edited" }, "(edited)") : null,
    reactions(message),
    message.ephemeral ? dismissal(message, seat) : null,
    replies && message.reply_count ? replyCount(message, seat) : null),
  replies && !message.reply_count ? threadOpener(message, seat) : null);
}

/** What of a message decides how it looks: drawn again only when this changed. @param {Message} message @param {Scene} scene */
export function looksOf(message, scene) {
  const surface = scene.seat.surface("message", message.ts, () => addressOf(message, scene.seat));
  return JSON.stringify([message, [...surface.busy], surface.failure, scene.seat.directory.version]);
}

/** @param {Message} message @param {import("./seat.js").Seat} seat */
function addressOf(message, seat) {
  return { channel: seat.place?.channel, message_ts: message.ts, ...(message.ephemeral ? { ephemeral: true } : {}) };
}

/** @param {Message} message @param {Scene} scene */
function content(message, scene) {
  const { seat } = scene;
  const reader = { directory: seat.directory, as: seat.as };
  if (!message.blocks?.length) return messageText(message.text ?? "", reader);
  const surface = seat.surface("message", message.ts, () => addressOf(message, seat));
  return renderBlocks(message.blocks, { reader, surface, form: new Form(), ask: scene.ask });
}

function privateLine() {
  return h("p", { class: "private" }, icon("eye"), "Only visible to you");
}

/** @param {Message} message @param {import("./seat.js").Seat} seat */
function dismissal(message, seat) {
  return h("p", { class: "dismissal" }, h("button", {
    type: "button", class: "link", data: { focus: `dismiss ${message.ts}` }, on: { click: () => seat.dismiss(message) },
  }, "Dismiss message"));
}

/** @param {Message} message */
function reactions(message) {
  if (!message.reactions?.length) return null;
  return h("p", { class: "reactions" }, message.reactions.map((one) => {
    const count = one.count ?? one.users?.length ?? 1;
    return h("span", { class: "reaction", role: "img", "aria-label": `${one.name.replaceAll("_", " ")}: ${count}` }, emojiOf(one.name) ?? `:${one.name}:`, ` ${count}`);
  }));
}

/** @param {Message} message @param {import("./seat.js").Seat} seat */
function replyCount(message, seat) {
  const words = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return h("p", { class: "replies" }, h("button", {
    type: "button", class: "link", data: { focus: `thread ${message.ts}` }, on: { click: () => void seat.openThread(message.ts) },
  }, icon("thread"), words));
}

/** @param {Message} message @param {import("./seat.js").Seat} seat */
function threadOpener(message, seat) {
  return h("button", {
    type: "button", class: "tool", "aria-label": "Reply in thread", title: "Reply in thread",
    data: { focus: `thread ${message.ts}` }, on: { click: () => void seat.openThread(message.ts) },
  }, icon("thread"));
}
