/**
 * Slack's date tokens and the page's own times. Pure: time zone and present are handed in.
 */

/** @typedef {{tz?: string, now: number, locale?: string}} When */

const DAY = 86400;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} locale @param {Intl.DateTimeFormatOptions} options */
function format(locale, options) {
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, options);
    formats.set(key, made);
  }
  return made;
}

/** A zone the browser knows; else the browser's own. @param {string | undefined} tz */
export function zone(tz) {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: tz }).resolvedOptions().timeZone;
  } catch {
    return new Intl.DateTimeFormat("en").resolvedOptions().timeZone;
  }
}

/** Year, month, day of a moment in a zone, as `2026-11-23`. @param {number} at @param {string | undefined} tz */
export function dayOf(at, tz) {
  return format("sv-SE", { timeZone: zone(tz), year: "numeric", month: "2-digit", day: "2-digit" }).format(at * 1000);
}

/** A moment as a `datetime-local` field has it, on the clocks of a zone. @param {number} at @param {string | undefined} tz */
export function toLocal(at, tz) {
  const time = format("sv-SE", { timeZone: zone(tz), hour: "2-digit", minute: "2-digit" }).format(at * 1000);
  return `${dayOf(at, tz)}T${time}`;
}

/** The moment that a `datetime-local` field means on the clocks of a zone, in whole seconds. @param {string} local @param {string | undefined} tz */
export function fromLocal(local, tz) {
  const read = (/** @type {string} */ text) => Date.parse(`${text}Z`) / 1000;
  let at = read(local);
  // Twice: the first guess may fall on the other side of a change of the clocks.
  for (let turn = 0; turn < 2; turn += 1) at += read(local) - read(toLocal(at, tz));
  return at;
}

/** @param {number} at @param {When} when */
function nearDay(at, when) {
  const day = dayOf(at, when.tz);
  if (day === dayOf(when.now, when.tz)) return "today";
  if (day === dayOf(when.now - DAY, when.tz)) return "yesterday";
  if (day === dayOf(when.now + DAY, when.tz)) return "tomorrow";
  return null;
}

/** @param {number} day of the month */
function ordinal(day) {
  const teen = day % 100 > 10 && day % 100 < 14;
  return `${day}${teen ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th")}`; // codespell:ignore nd
}

/** @param {number} at @param {When} when @param {Intl.DateTimeFormatOptions} extra */
function longDate(at, when, extra) {
  const parts = format("en-US", { timeZone: zone(when.tz), month: "long", day: "numeric", year: "numeric", ...extra })
    .formatToParts(at * 1000);
  return parts.map((part) => (part.type === "day" ? ordinal(Number(part.value)) : part.value)).join("");
}

/** @param {number} at @param {When} when */
function shortDate(at, when) {
  return format("en-US", { timeZone: zone(when.tz), month: "short", day: "numeric", year: "numeric" }).format(at * 1000);
}

/** `3:07 PM` or `15:07`, as the reader's language has it. @param {number} at @param {When} when @param {boolean} [seconds] */
export function timeOf(at, when, seconds = false) {
  const options = /** @type {Intl.DateTimeFormatOptions} */ ({
    timeZone: zone(when.tz),
    hour: "numeric",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  });
  return format(when.locale ?? navigator.language, options).format(at * 1000).replace(/\u202f/g, " ");
}

/** "3 minutes ago", "in 2 hours". @param {number} at @param {When} when */
function relative(at, when) {
  const away = at - when.now;
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [["day", DAY], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, seconds]) => Math.abs(away) >= seconds) ?? units[3];
  return new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(Math.round(away / size), unit);
}

/** @type {Record<string, (at: number, when: When) => string>} */
const TOKENS = {
  date_num: (at, when) => dayOf(at, when.tz),
  date: (at, when) => longDate(at, when, {}),
  date_short: shortDate,
  date_long: (at, when) => longDate(at, when, { weekday: "long" }),
  date_pretty: (at, when) => nearDay(at, when) ?? longDate(at, when, {}),
  date_short_pretty: (at, when) => nearDay(at, when) ?? shortDate(at, when),
  date_long_pretty: (at, when) => nearDay(at, when) ?? longDate(at, when, { weekday: "long" }),
  day_divider_pretty: (at, when) => dayName(at, when),
  time: (at, when) => timeOf(at, when),
  time_secs: (at, when) => timeOf(at, when, true),
  ago: relative,
};

/**
 * A date written out, or null where the moment or a token is not one that Slack knows
 * (then the fallback is shown).
 *
 * @param {number} at seconds since 1970
 * @param {string} pattern with tokens in braces
 * @param {When} when
 */
export function writeDate(at, pattern, when) {
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e12 || pattern === "") return null;
  let known = true;
  const written = pattern.replace(/\{(\w+)\}/g, (_, token) => {
    if (!Object.hasOwn(TOKENS, token)) known = false;
    return known ? TOKENS[token](at, when) : "";
  });
  return known ? written : null;
}

/** The words on a day divider: "Today", "Yesterday", "Monday, November 23rd". @param {number} at @param {When} when */
export function dayName(at, when) {
  const near = nearDay(at, when);
  if (near) return near[0].toUpperCase() + near.slice(1);
  return format("en-US", { timeZone: zone(when.tz), weekday: "long", month: "long", day: "numeric" })
    .formatToParts(at * 1000)
    .map((part) => (part.type === "day" ? ordinal(Number(part.value)) : part.value))
    .join("");
}

/** Everything about a moment, for a tooltip. @param {number} at @param {When} when */
export function fullTime(at, when) {
  return `${longDate(at, when, { weekday: "long" })} at ${timeOf(at, when, true)} (${zone(when.tz)})`;
}

/** Time left as a chip says it: `0:42`, `12:05`, `3 h 20 min`. @param {number} seconds */
export function timeLeft(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole >= 3600) {
    const minutes = Math.floor((whole % 3600) / 60);
    return `${Math.floor(whole / 3600)} h ${minutes} min`;
  }
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
