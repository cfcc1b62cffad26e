/**
 * The messages of a channel, or of one thread in it, in the order of their times: pages read
 * from the server, with the events of the stream put in between.
 */

import * as api from "./api.js";

/** @typedef {import("./types.js").Message} Message */

export class Log {
  /** @param {string} as @param {string} channel @param {string} [thread] */
  constructor(as, channel, thread) {
    this.as = as;
    this.channel = channel;
    this.thread = thread;
    /** @type {Message[]} */
    this.messages = [];
    this.hasMore = false;
    this.isRead = false;
    /** @type {string | null} the first message that the person had not seen */
    this.freshFrom = null;
    /** @type {Map<string, Message | null> | null} what came by the stream while a page was read */
    this.meanwhile = null;
  }

  /** The newest message that is kept for good (what is private to one person is not). */
  get last() {
    return this.messages.findLast((message) => !message.ephemeral) ?? null;
  }

  /** The newest page, in place of what was there; what the stream brings meanwhile wins. */
  async read() {
    const meanwhile = new Map();
    this.meanwhile = meanwhile;
    const page = await api.messages(this.as, this.channel, { thread_ts: this.thread });
    if (this.meanwhile !== meanwhile) return; // a later reading has the word
    this.meanwhile = null;
    const oldest = page.messages[0]?.ts ?? "";
    const earlier = this.isRead && page.has_more ? this.messages.filter((one) => one.ts < oldest) : [];
    this.messages = [...earlier, ...page.messages].sort(byTime);
    if (!earlier.length) this.hasMore = page.has_more;
    this.isRead = true;
    for (const [ts, message] of meanwhile) {
      if (message) this.put(message);
      else this.drop(ts);
    }
  }

  async readEarlier() {
    const first = this.messages.find((message) => !message.ephemeral);
    const page = await api.messages(this.as, this.channel, { thread_ts: this.thread, before: first?.ts });
    const known = new Set(this.messages.map((message) => message.ts));
    this.messages = [...page.messages.filter((message) => !known.has(message.ts)), ...this.messages].sort(byTime);
    this.hasMore = page.has_more;
  }

  /** Puts a message in its place, over an earlier state of itself. @param {Message} message */
  put(message) {
    this.meanwhile?.set(message.ts, message);
    if (!this.isRead) return;
    const at = this.messages.findIndex((one) => one.ts === message.ts);
    if (at >= 0) this.messages[at] = message;
    else {
      this.messages.push(message);
      this.messages.sort(byTime);
    }
  }

  /** @param {string} ts */
  drop(ts) {
    this.meanwhile?.set(ts, null);
    this.messages = this.messages.filter((message) => message.ts !== ts);
  }

  /** Remembers where the last `unread` messages begin. @param {number} unread */
  markFresh(unread) {
    const kept = this.messages.filter((message) => !message.ephemeral && message.user !== this.as);
    this.freshFrom = unread > 0 && kept.length > unread ? (kept[kept.length - unread]?.ts ?? null) : null;
  }
}

/** Times are written `seconds.micros` with a fixed width, so their order is that of the letters. @param {Message} a @param {Message} b */
function byTime(a, b) {
  return a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0;
}
