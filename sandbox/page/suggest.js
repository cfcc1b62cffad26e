/**
 * What the composer proposes while a command or a name is typed. Pure.
 */

/** @typedef {import("./types.js").Command} Command */
/**
 * @typedef {{text: string, label: string, note: string, from: number, isHint?: boolean, isName?: boolean}} Proposal
 *   `text` replaces what stands from `from` to the caret; a hint only tells the form
 */

const MOST = 8;

/**
 * The forms that a usage hint names: `a [b] | c` gives two; the words before the first bracket
 * can be filled in, the rest is for the reader.
 * @param {Command} command
 */
export function formsOf(command) {
  const parts = splitForms(command.usage_hint ?? "");
  return parts.map((form) => {
    const words = form.split(/\s+/);
    const gap = words.findIndex((word) => /[[\]<>{}…|]/.test(word));
    return { form, literal: (gap < 0 ? words : words.slice(0, gap)).join(" ") };
  });
}

/** Parts between bars, middle dots or line ends, outside of brackets. @param {string} hint */
function splitForms(hint) {
  /** @type {string[]} */
  const parts = [""];
  let depth = 0;
  for (const char of hint) {
    if ("[<{(".includes(char)) depth += 1;
    if ("]>})".includes(char)) depth -= 1;
    if (depth === 0 && "|·\n".includes(char)) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/**
 * @param {string} text up to the caret
 * @param {Command[]} commands
 * @param {{name: string, words: string}[]} people
 * @returns {Proposal[]}
 */
export function propose(text, commands, people) {
  const name = /(?:^|\s)@([\p{L}\p{N}_.-]*)$/u.exec(text);
  if (name) return peopleNamed(name[1], text.length - name[1].length - 1, people);
  if (!text.startsWith("/") || text.includes("\n")) return [];
  const space = text.indexOf(" ");
  if (space < 0) {
    return commands
      .filter((command) => command.command.startsWith(text))
      .map((command) => ({ text: `${command.command} `, label: command.command, note: command.description ?? command.usage_hint ?? "", from: 0 }));
  }
  const command = commands.find((one) => one.command === text.slice(0, space));
  if (!command) return [];
  const typed = text.slice(space + 1);
  return formsOf(command)
    .filter(({ literal }) => typed === "" || (literal !== "" && literal.startsWith(typed) && literal !== typed.trimEnd()))
    .slice(0, MOST)
    .map(({ form, literal }) => ({
      text: literal ? `${command.command} ${literal} ` : text,
      label: `${command.command} ${form}`, note: "", from: 0, isHint: !literal,
    }));
}

/** @param {string} typed @param {number} from @param {{name: string, words: string}[]} people @returns {Proposal[]} */
function peopleNamed(typed, from, people) {
  const wanted = typed.toLowerCase();
  return people
    .filter((one) => one.name.toLowerCase().startsWith(wanted) || one.words.toLowerCase().startsWith(wanted))
    .slice(0, MOST)
    .map((one) => ({ text: `@${one.name} `, label: `@${one.name}`, note: one.words, from, isName: true }));
}

/** The usage line shown while a command is typed, or "". @param {string} text @param {Command[]} commands */
export function usageOf(text, commands) {
  const command = commands.find((one) => text === one.command || text.startsWith(`${one.command} `));
  return command?.usage_hint ? `${command.command} ${command.usage_hint}` : "";
}
