/**
 * One person's place at the workspace: what they see, kept up to date from the server's events.
 * A window shows a seat and listens to its `change` events, named by what changed: inbox, log,
 * thread, views, home, place.
 */

import * as api from "./api.js";
import { setClock } from "./clock.js";
import { recount } from "./countdown.js";
import { Log } from "./log.js";
import { follow } from "./stream.js";
import { Surface } from "./surface.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./directory.js").Directory} Directory */
/** @typedef {{channel: string, tab: "messages" | "home" | "about"}} Place `channel` is "" for an app never spoken to */

/** @param {string} channel @param {string} [thread] */
const keyOf = (channel, thread) => `${channel}/${thread ?? ""}`;

export class Seat extends EventTarget {
  /** @param {string} as @param {Directory} directory */
  constructor(as, directory) {
    super();
    this.as = as;
    this.directory = directory;
    /** @type {import("./types.js").InboxEntry[]} */
    this.inbox = [];
    /** @type {View[]} */
    this.views = [];
    /** @type {View | null} */
    this.home = null;
    /** @type {Place | null} */
    this.place = null;
    /** @type {string | null} */
    this.thread = null;
    this.isUp = true;
    /** @type {Map<string, Log>} */
    this.logs = new Map();
    /** @type {Map<string, Surface>} */
    this.surfaces = new Map();
    /** @type {Set<string>} what the person put away: it is gone for the session, as ephemerals are */
    this.dismissed = new Set();
    /** @type {Map<string, string>} the time of the last message marked as read, by channel */
    this.readUpTo = new Map();
    /** @type {() => void} */
    this.unfollow = () => {};
  }

  /** Opens the stream and shows `channel`, or the first one there is. @param {string} [channel] */
  async start(channel) {
    await this.readInbox();
    const known = this.inbox.find((entry) => entry.id === channel);
    const first = known ?? this.inbox.find((entry) => entry.kind === "channel") ?? this.inbox[0];
    await this.open(channel === "home" ? this.appChannel : (first?.id ?? ""), channel === "home" ? "home" : "messages");
    this.unfollow = follow(this.as, {
      event: (event) => this.take(event),
      up: () => void this.reconnect(),
      down: () => this.mark(false),
    });
  }

  stop() {
    this.unfollow();
  }

  /** The direct messages with the app; "" before the first one. */
  get appChannel() {
    return this.inbox.find((entry) => entry.kind === "dm")?.id ?? "";
  }

  get isAtApp() {
    return this.place !== null && this.place.channel === this.appChannel;
  }

  /** The log shown now. */
  get log() {
    return this.logOf(this.place?.channel ?? "");
  }

  get threadLog() {
    return this.thread === null ? null : this.logOf(this.place?.channel ?? "", this.thread);
  }

  /** @param {string} channel @param {string} [thread] */
  logOf(channel, thread) {
    const key = keyOf(channel, thread);
    let log = this.logs.get(key);
    if (!log) {
      log = new Log(this.as, channel, thread);
      this.logs.set(key, log);
    }
    return log;
  }

  /**
   * The surface of a message or view, the same one for as long as the seat lives.
   * @param {"message" | "modal" | "home"} kind @param {string} key @param {() => Record<string, unknown>} address
   */
  surface(kind, key, address) {
    let surface = this.surfaces.get(`${kind} ${key}`);
    if (!surface) {
      const topics = { message: ["log", "thread"], modal: ["views"], home: ["home"] }[kind];
      surface = new Surface(kind, this.as, address, () => topics.forEach((topic) => this.tell(topic)));
      this.surfaces.set(`${kind} ${key}`, surface);
    }
    return surface;
  }

  /** @param {string} topic */
  tell(topic) {
    this.dispatchEvent(new CustomEvent("change", { detail: topic }));
  }

  /** @param {string} channel @param {Place["tab"]} [tab] */
  async open(channel, tab = "messages") {
    const entry = this.inbox.find((one) => one.id === channel);
    this.place = { channel, tab };
    this.thread = null;
    const log = this.log;
    log.freshFrom = null;
    this.tell("place");
    // Slack tells the app that its page was opened, whichever of the two tabs it was.
    if (this.isAtApp && tab !== "about") void api.act("home", { as: this.as, tab });
    if (tab === "home") await this.readHome();
    if (tab !== "messages" || !channel) return;
    await this.refresh(log, "log");
    log.markFresh(entry?.unread ?? 0);
    this.tell("log");
    await this.readHere();
  }

  /** @param {string | null} ts */
  async openThread(ts) {
    this.thread = ts;
    this.tell("place");
    const log = this.threadLog;
    if (log) await this.refresh(log, "thread");
  }

  /** Earlier messages, above those that are there. */
  async more() {
    await this.log.readEarlier();
    this.tell("log");
  }

  /** @param {Message} message */
  dismiss(message) {
    this.dismissed.add(message.ts);
    this.tell("log");
    this.tell("thread");
  }

  async readHome() {
    this.home = (await api.home(this.as)).view;
    this.tell("home");
  }

  async readViews() {
    this.views = (await api.views(this.as)).stack;
    this.tell("views");
  }

  async readInbox() {
    this.inbox = (await api.inbox(this.as)).channels;
    this.tell("inbox");
  }

  /** Everything that is on show, read again. */
  async readAll() {
    await Promise.all([this.readInbox(), this.readViews(), this.readHome()]);
    const place = this.place;
    if (place?.channel && !this.inbox.some((entry) => entry.id === place.channel)) {
      await this.open(this.inbox[0]?.id ?? "");
      return;
    }
    if (place?.channel) await this.refresh(this.log, "log");
    if (this.threadLog) await this.refresh(this.threadLog, "thread");
    if (this.threadLog?.messages.length === 0) this.thread = null;
    this.tell("place");
  }

  /** The workspace is not what it was: nothing that was known of it counts. */
  async renew() {
    this.logs.clear();
    this.surfaces.clear();
    this.readUpTo.clear();
    await this.readAll();
    await this.readHere();
  }

  async reconnect() {
    try {
      await this.directory.load();
      await this.readAll();
      this.mark(true);
    } catch (error) {
      if (!(error instanceof api.SandboxError)) throw error;
      this.mark(false);
    }
  }

  /** @param {Log} log @param {string} topic */
  async refresh(log, topic) {
    await log.read();
    this.tell(topic);
  }

  /** Marks what is on show as read, when it is looked at. */
  async readHere() {
    const { channel, tab } = this.place ?? { channel: "", tab: "home" };
    const last = this.logOf(channel).last;
    const unread = this.inbox.find((entry) => entry.id === channel)?.unread ?? 0;
    if (tab !== "messages" || !last || !unread || document.visibilityState !== "visible") return;
    if (this.readUpTo.get(channel) === last.ts) return; // said once: what is newer is still on its way here
    this.readUpTo.set(channel, last.ts);
    await api.markRead(this.as, channel, last.ts);
    await this.readInbox();
  }

  /** @param {boolean} up */
  mark(up) {
    if (this.isUp === up) return;
    this.isUp = up;
    this.tell("stream");
  }

  /** Takes one event of the stream. @param {any} event */
  take(event) {
    if (event.type === "clock") {
      setClock(event.now);
      recount();
      this.tell("log");
    } else if (event.type === "reset") {
      this.dispatchEvent(new Event("reset"));
    } else if (event.type === "toast") {
      this.dispatchEvent(new CustomEvent("toast", { detail: event.text ?? event.message ?? "" }));
    } else if (event.type === "home") void this.readHome();
    else if (event.type.startsWith("view_")) void this.readViews();
    else if (event.type === "inbox") void this.readInbox().then(() => this.readHere());
    else this.takeMessage(event);
  }

  /** @param {any} event */
  takeMessage(event) {
    const message = /** @type {Message} */ (event);
    const isReply = Boolean(message.thread_ts) && message.thread_ts !== message.ts;
    if (event.type === "message_deleted") {
      this.logs.forEach((log) => log.channel === event.channel && log.drop(message.ts));
    } else {
      // A parent stands in both its channel and its thread, a reply in its thread alone,
      // unless it was sent to the channel too.
      this.logs.get(keyOf(event.channel, isReply ? message.thread_ts : message.ts))?.put(message);
      if (!isReply || message.subtype === "thread_broadcast") this.logOf(event.channel).put(message);
    }
    if (event.channel !== this.place?.channel) return;
    this.tell("log");
    this.tell("thread");
    void this.readHere();
  }
}
