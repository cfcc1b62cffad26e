/** `rich_text` blocks and the `markdown` block, turned into the same tree as mrkdwn. */

import { inline } from "./mrkdwn.js";

/** @typedef {import("./mrkdwn.js").Piece} Piece */

/** @param {Record<string, any>} block @returns {Piece[]} */
export function readRichText(block) {
  return (block.elements ?? []).flatMap(group);
}

/** @param {any} element @returns {Piece[]} */
function group(element) {
  const parts = element.elements ?? [];
  switch (element.type) {
    case "rich_text_section":
      return [...parts.flatMap(part), { kind: "break" }];
    case "rich_text_quote":
      return [{ kind: "quote", of: parts.flatMap(part) }];
    case "rich_text_preformatted":
      return [{ kind: "pre", text: parts.map((/** @type {any} */ one) => one.text ?? one.url ?? "").join("") }];
    case "rich_text_list":
      return [{ kind: "list", ordered: element.style === "ordered", items: parts.map((/** @type {any} */ one) => (one.elements ?? []).flatMap(part)) }];
    default:
      return [{ kind: "text", text: `[${element.type}]` }];
  }
}

/** @param {any} one @returns {Piece[]} */
function part(one) {
  switch (one.type) {
    case "text": return styled(String(one.text ?? ""), one.style ?? {});
    case "link": return [{ kind: "link", url: String(one.url), of: styled(String(one.text ?? one.url), one.style ?? {}) }];
    case "user": return [{ kind: "user", id: String(one.user_id), label: "" }];
    case "channel": return [{ kind: "channel", id: String(one.channel_id), label: "" }];
    case "usergroup": return [{ kind: "group", id: String(one.usergroup_id), label: "" }];
    case "broadcast": return [{ kind: "everyone", name: String(one.range) }];
    case "emoji": return [{ kind: "emoji", name: String(one.name) }];
    case "date": return [{ kind: "date", at: Number(one.timestamp), format: String(one.format ?? ""), url: String(one.url ?? ""), fallback: String(one.fallback ?? "") }];
    default: return [{ kind: "text", text: String(one.text ?? `[${one.type}]`) }];
  }
}

/** @param {string} text @param {{bold?: boolean, italic?: boolean, strike?: boolean, code?: boolean}} style @returns {Piece[]} */
function styled(text, style) {
  /** @type {Piece[]} */
  let pieces = style.code
    ? [{ kind: "code", text }]
    : text.split("\n").flatMap((line, index) => /** @type {Piece[]} */ ([...(index ? [{ kind: "break" }] : []), { kind: "text", text: line }]));
  for (const kind of /** @type {const} */ (["strike", "italic", "bold"])) {
    if (style[kind]) pieces = [{ kind, of: pieces }];
  }
  return pieces;
}

const HEADING = /^(#{1,6})\s+(.*)$/;
const BULLET = /^\s*[-*+]\s+(.*)$/;
const NUMBER = /^\s*\d+[.)]\s+(.*)$/;

/**
 * The basics of standard Markdown, as the `markdown` block takes it: headings, lists, quotes,
 * fences, rules, bold, italic, strike, code and links.
 *
 * @param {string} source
 * @returns {Piece[]}
 */
export function readMarkdown(source) {
  /** @type {Piece[]} */
  const pieces = [];
  const rows = source.split("\n");
  for (let at = 0; at < rows.length; at += 1) {
    const row = rows[at];
    const heading = HEADING.exec(row);
    const kind = BULLET.test(row) ? BULLET : NUMBER.test(row) ? NUMBER : null;
    if (/^```/.test(row)) {
      const end = rows.findIndex((line, index) => index > at && /^```\s*$/.test(line));
      const last = end < 0 ? rows.length : end;
      pieces.push({ kind: "pre", text: rows.slice(at + 1, last).join("\n") });
      at = last;
    } else if (heading) pieces.push({ kind: "heading", level: heading[1].length, of: spans(heading[2]) });
    else if (/^\s*(-{3,}|\*{3,})\s*$/.test(row)) pieces.push({ kind: "rule" });
    else if (kind) {
      const run = takeWhile(rows, at, (line) => kind.test(line));
      pieces.push({ kind: "list", ordered: kind === NUMBER, items: run.map((line) => spans(kind.exec(line)?.[1] ?? "")) });
      at += run.length - 1;
    } else if (/^>/.test(row)) {
      const run = takeWhile(rows, at, (line) => /^>/.test(line));
      pieces.push({ kind: "quote", of: spans(run.map((line) => line.replace(/^> ?/, "")).join("\n")) });
      at += run.length - 1;
    } else {
      for (const piece of spans(row)) pieces.push(piece);
      pieces.push({ kind: "break" });
    }
  }
  return pieces;
}

/** @param {string[]} rows @param {number} from @param {(row: string) => boolean} wanted */
function takeWhile(rows, from, wanted) {
  let end = from;
  while (end < rows.length && wanted(rows[end])) end += 1;
  return rows.slice(from, end);
}

/** Inline Markdown by way of mrkdwn, whose marks differ. @param {string} text @returns {Piece[]} */
function spans(text) {
  const codes = /** @type {string[]} */ ([]);
  const slack = text
    .replaceAll("\u0000", "")
    .replace(/`([^`\n]+)`/g, (_, code) => `\u0000${codes.push(code) - 1}\u0000`)
    .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/\*(?!\*)([^*\n]+)\*(?!\*)/g, (whole, words, at, all) => (all[at - 1] === "*" ? whole : `_${words}_`))
    .replace(/\*\*([^*\n]+)\*\*/g, "*$1*")
    .replace(/~~([^~\n]+)~~/g, "~$1~")
    .replace(/\[([^\]\n]+)\]\((https?:\/\/[^\s)]+|mailto:[^\s)]+)\)/g, "<$2|$1>")
    // Code goes back in without its marks' meaning, so it is put in as mrkdwn code last.
    .replace(/\u0000(\d+)\u0000/g, (_, index) => `\`${codes[Number(index)].replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")}\``);
  return inline(slack, {});
}
