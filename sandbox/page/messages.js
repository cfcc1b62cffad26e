/**
 * A list of messages kept in step with a log: each message is drawn again only when it changed,
 * so screen readers hear what is new and nothing twice, and nothing jumps.
 */

import { now } from "./clock.js";
import { dayName, dayOf } from "./dates.js";
import { h, icon } from "./dom.js";
import { keepFocus } from "./focus.js";
import { authorOf, looksOf, renderMessage } from "./message.js";

/** @typedef {import("./types.js").Message} Message */

const TOGETHER = 300;
const NEAR = 60;

export class MessageList {
  /** @param {import("./message.js").Scene} scene @param {string} label */
  constructor(scene, label) {
    this.scene = scene;
    /** @type {Map<string, {looks: string, node: HTMLElement}>} */
    this.drawn = new Map();
    this.list = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": label });
    this.jump = h("button", { type: "button", class: "jump", hidden: true, on: { click: () => this.toEnd() } }, icon("down"), "New messages");
    this.scroller = h("div", { class: "scroller", tabindex: "0", "aria-label": label, role: "group", on: { scroll: () => this.look() } }, this.list);
    this.node = h("div", { class: "messages" }, this.scroller, this.jump);
    // What grows later (a card that got longer, a window that got smaller) must not hide the end.
    this.isAtEnd = true;
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.list);
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.scroller);
  }

  /**
   * @param {Message[]} messages @param {{before?: Node | null, after?: (message: Message) => Node | null, freshFrom?: string | null, days?: boolean}} [extras]
   */
  draw(messages, extras = {}) {
    const restore = keepFocus(this.list);
    const known = this.drawn;
    const wasLast = [...known.keys()].at(-1);
    this.drawn = new Map();
    /** @type {Node[]} */
    const nodes = extras.before ? [extras.before] : [];
    messages.forEach((message, index) => {
      const previous = messages[index - 1];
      const day = extras.days !== false && this.dayBetween(previous, message);
      const fresh = extras.freshFrom === message.ts;
      const isFollowing = !day && !fresh && this.follows(previous, message);
      if (day) nodes.push(this.keep(`day ${day}`, "", known, () => h("div", { class: "day" }, h("span", {}, day))));
      if (fresh) nodes.push(this.keep("fresh", "", known, () => h("div", { class: "fresh" }, h("span", {}, "New"))));
      nodes.push(this.keep(message.ts, looksOf(message, this.scene) + isFollowing, known, () => renderMessage(message, this.scene, { follows: isFollowing })));
      const after = extras.after?.(message);
      if (after) nodes.push(after);
    });
    arrange(this.list, nodes);
    restore();
    if (this.isAtEnd) this.toEnd();
    else if (messages.length && messages.at(-1)?.ts !== wasLast) this.jump.hidden = false;
  }

  /** Everything anew at the next drawing: another channel, another time. */
  forget() {
    this.drawn = new Map();
    this.isAtEnd = true;
    this.jump.hidden = true;
  }

  /** @param {string} key @param {string} looks @param {Map<string, {looks: string, node: HTMLElement}>} known @param {() => HTMLElement} make */
  keep(key, looks, known, make) {
    const old = known.get(key);
    const entry = old && old.looks === looks ? old : { looks, node: make() };
    this.drawn.set(key, entry);
    return entry.node;
  }

  /** @param {Message | undefined} previous @param {Message} message */
  dayBetween(previous, message) {
    const { seat } = this.scene;
    const tz = seat.directory.user(seat.as)?.tz;
    const at = Number(message.ts);
    if (previous && dayOf(Number(previous.ts), tz) === dayOf(at, tz)) return null;
    return dayName(at, { tz, now: now() });
  }

  /** @param {Message | undefined} previous @param {Message} message */
  follows(previous, message) {
    if (!previous || previous.ephemeral || message.ephemeral || previous.reply_count) return false;
    const { directory } = this.scene.seat;
    return authorOf(previous, directory).id === authorOf(message, directory).id && Number(message.ts) - Number(previous.ts) < TOGETHER;
  }

  look() {
    this.isAtEnd = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < NEAR;
    if (this.isAtEnd) this.jump.hidden = true;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.isAtEnd = true;
    this.jump.hidden = true;
  }
}

/** Brings the children into this order, touching only what is out of place. @param {HTMLElement} parent @param {Node[]} nodes */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
}
