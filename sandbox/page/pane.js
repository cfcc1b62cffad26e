/** The middle of a window: a channel or the app's tabs, with the thread beside it. */

import { renderBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { closeButton } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { keepFocus } from "./focus.js";
import { Form } from "./form.js";
import { MessageList } from "./messages.js";

/** @typedef {import("./seat.js").Seat} Seat */
/** @typedef {(question: import("./types.js").Confirm) => Promise<boolean>} Ask */

/** @param {Seat} seat @param {Ask} ask */
export function mountPane(seat, ask) {
  const head = h("header", { class: "pane-head" });
  const list = new MessageList({ seat, ask, inThread: false }, "Messages");
  const composer = new Composer(seat);
  const home = h("div", { class: "home", tabindex: "-1" });
  const node = h("section", { class: "pane", "aria-label": "Conversation" }, head, list.node, composer.node, home);
  let shown = "";
  /** @type {{key: string, node: HTMLElement} | undefined} */
  let before;

  const drawHead = () => {
    const restore = keepFocus(head);
    fill(head, seat.isAtApp ? appHead(seat) : channelHead(seat));
    restore();
  };
  const drawLog = () => {
    if (seat.place?.tab !== "messages") return;
    const { log } = seat;
    // Kept while it says the same: a node put in again would be read out again.
    const top = log.hasMore ? "more" : log.isRead || !log.channel ? "beginning" : "reading";
    if (before?.key !== `${log.channel} ${top}`) before = { key: `${log.channel} ${top}`, node: TOPS[top](seat) };
    const messages = log.messages.filter((message) => !seat.dismissed.has(message.ts));
    list.draw(messages, { before: before.node, freshFrom: log.freshFrom });
  };
  const drawHome = () => {
    if (seat.place?.tab === "messages") return;
    const restore = keepFocus(home);
    fill(home, seat.place?.tab === "about" ? about(seat) : homeOf(seat, ask));
    restore();
  };
  const drawPlace = () => {
    const tab = seat.place?.tab ?? "messages";
    const key = `${seat.place?.channel} ${tab}`;
    if (key !== shown) list.forget();
    shown = key;
    node.dataset.tab = tab;
    list.node.hidden = composer.node.hidden = tab !== "messages";
    home.hidden = tab === "messages";
    composer.setLabel(seat.isAtApp ? `Message ${seat.directory.app.name}` : `Message #${seat.directory.channelName(seat.place?.channel ?? "") ?? ""}`);
    drawHead();
    drawLog();
    drawHome();
  };
  seat.addEventListener("change", (event) => {
    const topic = /** @type {CustomEvent} */ (event).detail;
    if (topic === "place") drawPlace();
    else if (topic === "log") drawLog();
    else if (topic === "home") drawHome();
  });
  drawPlace();
  return { node, composer };
}

/** What stands above the first message that is there. @type {Record<string, (seat: Seat) => HTMLElement>} */
const TOPS = {
  more: (seat) => h("p", { class: "more" }, h("button", { type: "button", class: "button", on: { click: () => void seat.more() } }, "Earlier messages")),
  beginning,
  reading: () => h("p", { class: "more" }, "Reading…"),
};

/** @param {Seat} seat */
function channelHead(seat) {
  const channel = seat.directory.channel(seat.place?.channel ?? "");
  const count = channel?.members?.length ?? 0;
  return [
    h("h2", {}, icon(channel?.is_private ? "lock" : "hash"), channel?.name ?? "No channel"),
    h("p", { class: "topic" }, [channel?.topic, count ? `${count} members` : ""].filter(Boolean).join(" · ")),
  ];
}

/** @param {Seat} seat */
function appHead(seat) {
  const all = /** @type {const} */ ([["home", "Home"], ["messages", "Messages"], ["about", "About"]]);
  const tabs = all.filter(([tab]) => tab !== "home" || seat.directory.app.home_tab_enabled !== false);
  return [
    h("h2", {}, seat.directory.app.name, h("span", { class: "badge" }, "App")),
    h("div", { class: "tabs", role: "group", "aria-label": "Tabs of the app" }, tabs.map(([tab, words]) => h("button", {
      type: "button", class: "tab", "aria-pressed": String(seat.place?.tab === tab), data: { focus: `tab ${tab}` },
      on: { click: () => void seat.open(seat.appChannel, tab) },
    }, words))),
  ];
}

/** @param {Seat} seat */
function beginning(seat) {
  const { app } = seat.directory;
  if (!seat.isAtApp) return h("p", { class: "beginning" }, "This is where the channel begins.");
  const example = app.commands[0]?.command;
  return h("p", { class: "beginning" }, `What ${app.name} has to tell you alone stands here.`,
    example ? [" Write ", h("code", {}, example), " in any channel or here."] : null);
}

const homeForms = new WeakMap();

/** @param {Seat} seat @param {Ask} ask */
function homeOf(seat, ask) {
  const view = seat.home;
  if (!view) return h("p", { class: "beginning" }, `${seat.directory.app.name} has nothing to show here yet.`);
  const form = homeForms.get(seat) ?? new Form();
  homeForms.set(seat, form);
  form.redraw();
  const surface = seat.surface("home", "home", () => ({ view_id: seat.home?.id }));
  return renderBlocks(view.blocks, { reader: { directory: seat.directory, as: seat.as }, surface, form, ask });
}

/** @param {Seat} seat */
function about(seat) {
  const { app } = seat.directory;
  return h("div", { class: "blocks" },
    h("h3", { class: "block header" }, `About ${app.name}`),
    app.commands.map((command) => h("div", { class: "block" }, h("p", {}, h("code", {}, `${command.command} ${command.usage_hint ?? ""}`)), h("p", { class: "topic" }, command.description ?? ""))));
}

/** The thread panel; hidden while none is open. @param {Seat} seat @param {Ask} ask */
export function mountThread(seat, ask) {
  const list = new MessageList({ seat, ask, inThread: true }, "Thread");
  const composer = new Composer(seat, { thread: true });
  composer.setLabel("Reply…");
  const heading = h("h2", {}, "Thread");
  const where = h("span", { class: "topic" });
  const close = closeButton(() => leave(), "Close thread");
  const node = h("aside", { class: "thread", "aria-label": "Thread", hidden: true },
    h("header", { class: "pane-head" }, heading, where, close), list.node, composer.node);
  let shown = /** @type {string | null} */ (null);

  const leave = () => {
    const ts = seat.thread;
    void seat.openThread(null);
    const opener = node.parentElement?.querySelector(`[data-focus="thread ${CSS.escape(ts ?? "")}"]`);
    if (opener instanceof HTMLElement) opener.focus();
  };
  node.addEventListener("keydown", (event) => event.key === "Escape" && leave());
  const draw = () => {
    node.hidden = seat.thread === null;
    if (seat.thread === null) {
      shown = null;
      return;
    }
    const isNew = shown !== seat.thread;
    if (isNew) list.forget();
    shown = seat.thread;
    where.textContent = seat.isAtApp ? seat.directory.app.name : `#${seat.directory.channelName(seat.place?.channel ?? "") ?? ""}`;
    const messages = (seat.threadLog?.messages ?? []).filter((message) => !seat.dismissed.has(message.ts));
    const replies = messages.filter((message) => message.ts !== seat.thread).length;
    const rule = h("div", { class: "reply-rule" }, h("span", {}, replies === 1 ? "1 reply" : `${replies} replies`));
    list.draw(messages, { days: false, after: (message) => (message.ts === seat.thread && replies ? rule : null) });
    if (isNew) composer.field.focus();
  };
  seat.addEventListener("change", (event) => {
    if (["place", "thread"].includes(/** @type {CustomEvent} */ (event).detail)) draw();
  });
  return { node, composer };
}
