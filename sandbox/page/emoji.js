/** Shortcodes that bots use; any other is shown as it was written. */

/** @type {Record<string, string>} */
const EMOJI = {
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", ok_hand: "👌", wave: "👋",
  pray: "🙏", clap: "👏", tada: "🎉", eyes: "👀", raised_hand: "✋", muscle: "💪",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌",
  heavy_multiplication_x: "✖️", no_entry: "⛔", no_entry_sign: "🚫", warning: "⚠️",
  exclamation: "❗", question: "❓", bangbang: "‼️", information_source: "ℹ️", sos: "🆘",
  rotating_light: "🚨", bell: "🔔", no_bell: "🔕", mega: "📣", loudspeaker: "📢",
  lock: "🔒", unlock: "🔓", closed_lock_with_key: "🔐", key: "🔑", old_key: "🗝️", shield: "🛡️",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", alarm_clock: "⏰", stopwatch: "⏱️",
  timer_clock: "⏲️", clock1: "🕐", clock3: "🕒", clock12: "🕛", calendar: "📆", date: "📅",
  red_circle: "🔴", large_orange_circle: "🟠", orange_circle: "🟠", large_yellow_circle: "🟡",
  yellow_circle: "🟡", large_green_circle: "🟢", green_circle: "🟢", large_blue_circle: "🔵",
  blue_circle: "🔵", large_purple_circle: "🟣", white_circle: "⚪", black_circle: "⚫",
  large_green_square: "🟩", large_red_square: "🟥", large_yellow_square: "🟨",
  fire: "🔥", boom: "💥", zap: "⚡", star: "⭐", sparkles: "✨", bulb: "💡", rocket: "🚀",
  gear: "⚙️", wrench: "🔧", hammer: "🔨", toolbox: "🧰", package: "📦", link: "🔗",
  memo: "📝", page_facing_up: "📄", scroll: "📜", clipboard: "📋", pushpin: "📌",
  mag: "🔍", bar_chart: "📊", chart_with_upwards_trend: "📈", floppy_disk: "💾",
  file_cabinet: "🗄️", computer: "💻", cloud: "☁️", globe_with_meridians: "🌐",
  robot_face: "🤖", bust_in_silhouette: "👤", busts_in_silhouette: "👥", ghost: "👻",
  point_right: "👉", arrow_right: "➡️", arrow_left: "⬅️", arrows_counterclockwise: "🔄",
  repeat: "🔁", stop_sign: "🛑", octagonal_sign: "🛑", construction: "🚧", ambulance: "🚑",
  fire_engine: "🚒", broom: "🧹", wastebasket: "🗑️", door: "🚪", city_sunset: "🌆",
  crescent_moon: "🌙", sunrise: "🌅", zzz: "💤", smile: "😄", slightly_smiling_face: "🙂",
  thinking_face: "🤔", heart: "❤️", "100": "💯",
};

/** The character of a shortcode, or null where the page does not know it. @param {string} name */
export function emojiOf(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : null;
}

/** Text with its known shortcodes turned into characters. @param {string} text */
export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (code, name) => emojiOf(name) ?? code);
}

/** @type {Record<string, string>} */
const CIRCLES = {
  "🔴": "red", "🟠": "orange", "🟡": "yellow", "🟢": "green", "🔵": "blue", "🟣": "purple",
  "⚪": "white", "⚫": "black",
};

/**
 * The pieces of a text, circles apart from the rest, each with its colour: the page draws them,
 * since many machines have no font that does.
 * @param {string} text @returns {{text: string, color: string | null}[]}
 */
export function circlesIn(text) {
  const pieces = text.split(/([🔴🟠🟡🟢🔵🟣⚪⚫])\uFE0F?/u).filter(Boolean);
  return pieces.map((piece) => ({ text: piece, color: CIRCLES[piece] ?? null }));
}
