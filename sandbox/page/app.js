/**
 * The page: windows of one, two or three people side by side, what connects them, and what is
 * said about all of them (the server is gone, first steps).
 *
 * The address keeps who is shown where: `#U0DANA:C0GENERAL,U0MAYA:C0APPROVE`.
 */

import { SandboxError } from "./api.js";
import { Directory } from "./directory.js";
import { append, fill, h } from "./dom.js";
import { mountSteps } from "./steps.js";
import { openWindow } from "./window.js";

/** @typedef {{as: string, channel?: string}} Whose */

const KIND = "Sandbox workspace";
const WIDE = 1100;
const NARROW = matchMedia("(max-width: 760px)");

const directory = new Directory();
const place = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {import("./window.js").Window_[]} */
let windows = [];
let count = 1;
/** @type {ReturnType<typeof mountSteps> | undefined} */
let steps;

// The one edge: what no window shows in its place is said to the person here.
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof SandboxError)) return;
  event.preventDefault();
  if (event.reason.code !== "unreachable") toast(event.reason.message);
});

void begin();

async function begin() {
  try {
    await directory.load();
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    tellGone(true);
    setTimeout(begin, 1000);
    return;
  }
  tellGone(false);
  const wanted = fromAddress();
  count = NARROW.matches ? 1 : Math.min(3, wanted.length || (innerWidth >= WIDE ? 2 : 1));
  const dress = () => {
    steps = mountSteps(place("steps"), directory, takeSuggestion);
    drawBar();
  };
  dress();
  directory.addEventListener("change", dress);
  await show(people(wanted).slice(0, count));
  NARROW.addEventListener("change", () => void setCount(NARROW.matches ? 1 : count));
  document.addEventListener("keydown", (event) => {
    if (event.key === "F6") nextWindow(event);
  });
}

/** The people that the address names, then those who make the best pair. @param {Whose[]} wanted */
function people(wanted) {
  const awake = directory.people.filter((user) => !user.deleted);
  const asks = awake.find((user) => /\b(asks?|develop|request)/i.test(about(user)));
  const decides = awake.find((user) => user !== asks && /\b(approv|manag|decid)/i.test(about(user)));
  const rest = [asks, decides, ...awake].filter((user) => user !== undefined).map((user) => ({ as: user.id }));
  const known = wanted.filter((one) => directory.user(one.as));
  return [...known, ...rest].filter((one, index, all) => all.findIndex((other) => other.as === one.as) === index);
}

/** @param {import("./types.js").User} user */
const about = (user) => `${user.role_hint ?? ""} ${user.title ?? ""} ${user.real_name}`;

function fromAddress() {
  return decodeURIComponent(location.hash.slice(1)).split(",").filter(Boolean).map((part) => {
    const [as, channel] = part.split(":");
    return { as, channel };
  });
}

function toAddress() {
  const parts = windows.map(({ seat }) => {
    const where = seat.place?.tab === "home" ? "home" : seat.place?.channel;
    return where ? `${seat.as}:${where}` : seat.as;
  });
  history.replaceState(null, "", `#${parts.join(",")}`);
}

/** @param {Whose[]} wanted */
async function show(wanted) {
  windows.forEach((window) => window.close());
  fill(place("windows"));
  place("windows").dataset.count = String(wanted.length);
  const opened = wanted.map((whose) => open(whose));
  windows = opened.map(({ window }) => window);
  windows.forEach(({ node }) => place("windows").append(node));
  await settle(Promise.all(opened.map(({ ready }) => ready)));
}

/** @param {Whose} whose */
function open(whose) {
  const opened = openWindow(directory, whose, { change: (id) => void change(opened.window, id), moved: toAddress });
  const { seat } = opened.window;
  seat.addEventListener("change", (event) => {
    const topic = /** @type {CustomEvent} */ (event).detail;
    if (topic === "stream") tellGone(windows.some((window) => !window.seat.isUp));
    if (topic === "inbox") titled();
  });
  seat.addEventListener("reset", () => void again());
  seat.addEventListener("toast", (event) => toast(/** @type {CustomEvent} */ (event).detail));
  return opened;
}

/** Another person in the same window. @param {import("./window.js").Window_} window @param {string} id */
async function change(window, id) {
  const channel = window.seat.isAtApp ? undefined : window.seat.place?.channel;
  const opened = open({ as: id, channel });
  windows = windows.map((one) => (one === window ? opened.window : one));
  window.node.replaceWith(opened.window.node);
  window.close();
  /** @type {HTMLElement | null} */ (opened.window.node.querySelector(".person"))?.focus();
  await settle(opened.ready);
}

/** What the server did not answer is said in the banner; the streams will try again. @param {Promise<unknown>} work */
async function settle(work) {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    tellGone(true);
    setTimeout(() => void again(), 1000);
  }
}

let asked = 0;

/** The workspace was emptied or changed, or the server is a new one: all is read again, once at a time. */
async function again() {
  asked += 1;
  if (asked > 1) return; // the one at work sees it and goes round once more
  try {
    for (let done = 0; done < asked;) {
      done = asked;
      await settle(renew());
    }
  } finally {
    asked = 0;
  }
}

async function renew() {
  await directory.load();
  tellGone(false);
  const isWhole = windows.length > 0 && windows.every(({ seat }) => seat.place && directory.user(seat.as));
  if (isWhole) await Promise.all(windows.map(({ seat }) => seat.renew()));
  else await show(people(fromAddress()).slice(0, count));
}

/** @param {number} wanted */
async function setCount(wanted) {
  if (!NARROW.matches) count = wanted;
  const now = windows.map(({ seat }) => ({ as: seat.as, channel: seat.place?.tab === "home" ? "home" : seat.place?.channel }));
  drawBar();
  await show(people(now).slice(0, wanted));
}

const teamName = () => directory.facts.team.name || KIND;

function drawBar() {
  fill(place("bar"),
    h("p", { class: "bar-name" }, h("strong", {}, teamName()), teamName() === KIND ? null : h("span", {}, KIND)),
    h("div", { class: "bar-tools" },
      steps?.hasNotes ? h("button", { type: "button", class: "bar-button", on: { click: () => steps?.show() } }, "First steps") : null,
      h("div", { class: "counts", role: "group", "aria-label": "People side by side" },
        h("span", { class: "counts-words", "aria-hidden": "true" }, "People:"),
        [1, 2, 3].map((one) => h("button", {
          type: "button", class: "bar-button", "aria-pressed": String(one === count),
          "aria-label": one === 1 ? "One window" : `${one} windows side by side`, on: { click: () => void setCount(one) },
        }, String(one))))));
}

/** @param {import("./steps.js").Suggestion} suggestion */
async function takeSuggestion({ as, channel, text }) {
  let window = windows.find((one) => one.seat.as === as) ?? windows[0];
  if (as && window.seat.as !== as) {
    await change(window, as);
    window = windows.find((one) => one.seat.as === as) ?? window;
  }
  const { seat } = window;
  const named = channel === directory.app.bot_user_id ? seat.appChannel : channel;
  const target = named ?? (seat.place?.tab === "messages" ? null : seat.inbox[0]?.id);
  if (target && (target !== seat.place?.channel || seat.place.tab !== "messages")) await seat.open(target);
  if (text === null) window.node.focus();
  else window.write(text);
}

/** @param {KeyboardEvent} event */
function nextWindow(event) {
  event.preventDefault();
  const at = windows.findIndex(({ node }) => node.contains(document.activeElement));
  const next = windows[(at + (event.shiftKey ? -1 : 1) + windows.length) % windows.length];
  const field = next.node.querySelector(".dialog") ?? next.node.querySelector(".composer-field") ?? next.node;
  /** @type {HTMLElement} */ (field).focus();
}

function titled() {
  const unread = windows.reduce((sum, { seat }) => sum + seat.inbox.reduce((part, entry) => part + entry.unread, 0), 0);
  document.title = `${unread ? `(${unread}) ` : ""}${teamName()}${teamName() === KIND ? "" : ` – ${KIND}`}`;
}

/** @param {boolean} gone */
function tellGone(gone) {
  const banner = place("banner");
  banner.classList.toggle("shown", gone);
  const words = gone ? "The sandbox server does not answer. Trying again… Is it still running?" : "";
  if (banner.textContent !== words) fill(banner, words);
}

/** @param {string} words */
function toast(words) {
  const node = h("p", { class: "toast" }, words);
  append(place("toasts"), node);
  setTimeout(() => node.remove(), 6000);
}
