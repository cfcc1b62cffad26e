/**
 * Slack's mrkdwn, read into a small tree. Pure: no document, no state.
 *
 * Rules kept: only `&amp; &lt; &gt;` are entities; `<…>` is a link, mention or date; bold,
 * italic and strike open after a boundary and close before one, on one line; nothing is
 * formatted in code. Reading takes time linear in the text, whatever the text.
 */

/**
 * @typedef {{kind: "text", text: string} | {kind: "break"} | {kind: "code", text: string}
 *   | {kind: "pre", text: string} | {kind: "bold" | "italic" | "strike" | "quote", of: Piece[]}
 *   | {kind: "link", url: string, of: Piece[]} | {kind: "user", id: string, label: string}
 *   | {kind: "channel", id: string, label: string} | {kind: "group", id: string, label: string}
 *   | {kind: "everyone", name: string} | {kind: "emoji", name: string}
 *   | {kind: "date", at: number, format: string, url: string, fallback: string}
 *   | {kind: "heading", level: number, of: Piece[]} | {kind: "list", ordered: boolean, items: Piece[][]}
 *   | {kind: "rule"}} Piece
 * @typedef {{verbatim?: boolean, names?: boolean}} Reading
 *   `verbatim` leaves bare addresses alone; `names` also reads bare `@here` (text objects do).
 */

const ENTITIES = /** @type {Record<string, string>} */ ({ amp: "&", lt: "<", gt: ">" });
const MARKS = /** @type {Record<string, "bold" | "italic" | "strike">} */ ({
  "*": "bold",
  _: "italic",
  "~": "strike",
});
const SAFE_URL = /^(?:https?:\/\/|mailto:|tel:)/i;
const BARE_URL = /https?:\/\/[^\s<>|`]+[^\s<>|`.,:;!?'")\]*_~]/y;
const BARE_NAME = /@(here|channel|everyone)\b/y;
const SHORTCODE = /:([a-z0-9_+-]{1,60}):/y;
const ENTITY = /&(amp|lt|gt);/y;
const WORD = /[\p{L}\p{N}]/u;

/** @param {string} text */
export function unescape(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => ENTITIES[name]);
}

/** Whether a link may be followed from the page. @param {string} url */
export function isSafeUrl(url) {
  return SAFE_URL.test(url);
}

/**
 * @param {string} source
 * @param {Reading} [reading]
 * @returns {Piece[]}
 */
export function parse(source, reading = {}) {
  const parts = source.split("```");
  // Joined by flat, not by push(...): a long text has more pieces than a call takes arguments.
  return parts.map((part, index) => {
    const fenced = index % 2 === 1 && index < parts.length - 1;
    if (fenced && part.trim() !== "") {
      return [/** @type {Piece} */ ({ kind: "pre", text: flatten(part.replace(/^\n/, "").replace(/\n$/, "")) })];
    }
    const literal = index % 2 === 1 && !fenced ? "```" : "";
    const after = fenced || index === 0 ? part : part.replace(/^\n/, "");
    return lines(literal + after, reading);
  }).flat();
}

/** @param {string} source @param {Reading} reading @returns {Piece[]} */
function lines(source, reading) {
  if (source === "") return [];
  /** @type {Piece[][]} */
  const pieces = [];
  /** @type {string[]} */
  let quoted = [];
  let plain = /** @type {string[]} */ ([]);
  const flush = () => {
    if (quoted.length) pieces.push([{ kind: "quote", of: inline(quoted.join("\n"), reading) }]);
    if (plain.length) pieces.push(inline(plain.join("\n"), reading));
    quoted = [];
    plain = [];
  };
  for (const line of source.split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) {
      if (plain.length) flush();
      quoted.push(quote[1]);
    } else {
      if (quoted.length) flush();
      plain.push(line);
    }
  }
  flush();
  return pieces.flat();
}

/** @param {string} source @param {Reading} reading @returns {Piece[]} */
export function inline(source, reading = {}) {
  /** @type {Piece[]} */
  const out = [];
  /** @type {Record<string, number>} up to where each mark is known to find no partner */
  const hopeless = {};
  let text = "";
  let at = 0;
  /** @param {Piece} piece @param {number} next */
  const push = (piece, next) => {
    if (text) out.push({ kind: "text", text });
    text = "";
    out.push(piece);
    at = next;
  };
  while (at < source.length) {
    const char = source[at];
    const found = special(source, at, char, reading, hopeless);
    if (found) {
      if (typeof found.piece === "string") {
        text += found.piece;
        at = found.next;
      } else push(found.piece, found.next);
    } else {
      text += char;
      at += 1;
    }
  }
  if (text) out.push({ kind: "text", text });
  return out;
}

/**
 * What begins at this place, when it is more than a character.
 * @param {string} source @param {number} at @param {string} char @param {Reading} reading
 * @param {Record<string, number>} hopeless
 * @returns {{piece: Piece | string, next: number} | null}
 */
function special(source, at, char, reading, hopeless) {
  if (char === "\n") return { piece: { kind: "break" }, next: at + 1 };
  if (char === "&") {
    const entity = match(ENTITY, source, at);
    return entity && { piece: ENTITIES[entity[1]], next: at + entity[0].length };
  }
  if (char === "<") {
    const end = skip(source, at);
    return end > at ? { piece: angle(source.slice(at + 1, end - 1)), next: end } : null;
  }
  if (char === "`") {
    const end = skip(source, at);
    return end > at ? { piece: { kind: "code", text: flatten(source.slice(at + 1, end - 1)) }, next: end } : null;
  }
  if (char === ":") {
    const code = match(SHORTCODE, source, at);
    return code && { piece: { kind: "emoji", name: code[1] }, next: at + code[0].length };
  }
  if (char in MARKS) return marked(source, at, char, reading, hopeless);
  if (char === "h" && !reading.verbatim && boundary(source[at - 1])) {
    const url = match(BARE_URL, source, at);
    const address = url && unescape(url[0]);
    return url && { piece: { kind: "link", url: address ?? "", of: [{ kind: "text", text: address ?? "" }] }, next: at + url[0].length };
  }
  if (char === "@" && reading.names && !reading.verbatim && boundary(source[at - 1])) {
    const name = match(BARE_NAME, source, at);
    return name && { piece: { kind: "everyone", name: name[1] }, next: at + name[0].length };
  }
  return null;
}

/**
 * @param {string} source @param {number} at @param {string} mark @param {Reading} reading
 * @param {Record<string, number>} hopeless
 */
function marked(source, at, mark, reading, hopeless) {
  const opens = boundary(source[at - 1]) && /[^\s]/.test(source[at + 1] ?? " ") && source[at + 1] !== mark;
  if (!opens || at < (hopeless[mark] ?? 0)) return null;
  let end = at + 1;
  while (end < source.length && source[end] !== "\n") {
    const closes = source[end] === mark && !/\s/.test(source[end - 1]) && boundary(source[end + 1]) && end > at + 1;
    if (closes) {
      const of = inline(source.slice(at + 1, end), reading);
      return { piece: /** @type {Piece} */ ({ kind: MARKS[mark], of }), next: end + 1 };
    }
    end = Math.max(skip(source, end), end + 1);
  }
  hopeless[mark] = end;
  return null;
}

/** The end of the code or bracket that starts here, or the same place. @param {string} source @param {number} at */
function skip(source, at) {
  const close = source[at] === "`" ? "`" : source[at] === "<" ? ">" : "";
  if (!close) return at;
  for (let end = at + 1; end < source.length && source[end] !== "\n"; end += 1) {
    if (source[end] === close) return end > at + 1 ? end + 1 : at;
    if (close === ">" && source[end] === "<") return at;
  }
  return at;
}

/** @param {string | undefined} char */
function boundary(char) {
  return char === undefined || !WORD.test(char);
}

/** @param {RegExp} pattern sticky @param {string} source @param {number} at */
function match(pattern, source, at) {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

/** What stands between `<` and `>`. @param {string} body @returns {Piece} */
function angle(body) {
  const bar = body.indexOf("|");
  const head = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescape(body.slice(bar + 1));
  const id = head.slice(1);
  if (/^@[UWB][A-Z0-9]+$/.test(head)) return { kind: "user", id, label };
  if (/^#[CGD][A-Z0-9]+$/.test(head)) return { kind: "channel", id, label };
  if (/^!(here|channel|everyone)$/.test(head)) return { kind: "everyone", name: id };
  if (head.startsWith("!subteam^")) return { kind: "group", id: head.slice(9), label };
  if (head.startsWith("!date^")) {
    const [, at, format, url] = head.split("^");
    return { kind: "date", at: Number(at), format: unescape(format ?? ""), url: unescape(url ?? ""), fallback: label };
  }
  if (SAFE_URL.test(head)) {
    const url = unescape(head);
    return { kind: "link", url, of: [{ kind: "text", text: label || url.replace(/^(mailto|tel):/, "") }] };
  }
  return { kind: "text", text: `<${unescape(body)}>` };
}

/** Code shows its characters: brackets shrink to their words, entities to their signs. @param {string} source */
function flatten(source) {
  return unescape(
    source.replace(/<((?:https?:|mailto:)[^>|\n]*)(?:\|([^>\n]*))?>/g, (_, url, label) => label ?? url),
  );
}
