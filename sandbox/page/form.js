/**
 * The state of a view's controls, kept across redrawing, and the fields of input blocks with
 * their labels, hints and errors.
 */

import { press } from "./blocks.js";
import { CONTROLS } from "./controls.js";
import { append, h, uid } from "./dom.js";
import { plainWords } from "./text.js";

/** @typedef {import("./types.js").Block} Block */
/** @typedef {import("./blocks.js").Ground} Ground */
/** @typedef {import("./controls.js").Control} Control */

const EMPTY = "Please complete this required field.";

export class Form {
  constructor() {
    /** @type {Map<string, {block: Block, action: string, control: Control}>} */
    this.fields = new Map();
    /** @type {import("./types.js").Values} */
    this.kept = {};
    /** @type {Record<string, string>} by block id */
    this.errors = {};
    /** @type {Map<string, HTMLElement>} where each block's error is written */
    this.notes = new Map();
  }

  /** Call before the controls are drawn again: what was typed so far is kept. */
  redraw() {
    this.kept = { ...this.kept, ...this.read() };
    this.fields.clear();
    this.notes.clear();
  }

  /** What Slack calls `state.values`. */
  read() {
    /** @type {import("./types.js").Values} */
    const values = {};
    for (const { block, action, control } of this.fields.values()) {
      (values[block.block_id ?? ""] ??= {})[action] = control.read();
    }
    return values;
  }

  /** A control, made and remembered. @param {any} element @param {Block} block @param {Ground} ground */
  control(element, block, ground) {
    const [blockId, action] = [block.block_id ?? "", element.action_id];
    const isInput = block.type === "input";
    const control = CONTROLS[element.type](element, {
      id: uid("control"), focus: `${blockId} ${action}`, directory: ground.reader.directory,
      tz: ground.reader.directory.user(ground.reader.as)?.tz,
      kept: ground.surface.kind === "message" ? undefined : this.kept[blockId]?.[action],
      changed: () => {
        this.clear(blockId);
        if (!isInput || (block.dispatch_action && element.type !== "plain_text_input")) void press(element, block, ground, control.read());
      },
    });
    if (!isInput) control.input.setAttribute("aria-label", plainWords(element.placeholder) || plainWords(block.text) || "Choose");
    this.fields.set(`${blockId} ${action}`, { block, action, control });
    return control;
  }

  /** An input block. @param {Block} block @param {Ground} ground */
  field(block, ground) {
    if (!(block.element.type in CONTROLS)) {
      return h("p", { class: "block unknown" }, `The sandbox does not draw “${block.element.type}” elements.`);
    }
    const control = this.control(block.element, block, ground);
    const [labelId, hintId, errorId] = [uid("label"), uid("hint"), uid("error")];
    const words = [plainWords(block.label), block.optional ? h("span", { class: "optional" }, " (optional)") : null];
    const label = control.isGroup
      ? h("span", { class: "label", id: labelId }, words)
      : h("label", { class: "label", id: labelId, for: control.input.id }, words);
    if (control.isGroup) control.input.setAttribute("aria-labelledby", labelId);
    control.input.setAttribute("aria-describedby", block.hint ? `${errorId} ${hintId}` : errorId);
    if (!block.optional) control.input.setAttribute("aria-required", "true");
    const note = h("p", { class: "error", id: errorId });
    this.notes.set(block.block_id ?? "", note);
    const root = h("div", { class: "block input" }, label, control.node, note);
    if (block.hint) append(root, h("p", { class: "hint", id: hintId }, plainWords(block.hint)));
    this.mark(block.block_id ?? "");
    return root;
  }

  /** Shows errors next to their fields and goes to the first; false when there is none to show. @param {Record<string, string>} errors */
  fail(errors) {
    this.errors = { ...errors };
    for (const id of this.notes.keys()) this.mark(id);
    const first = [...this.fields.values()].find(({ block }) => errors[block.block_id ?? ""]);
    if (!first) return false;
    const { input, isGroup } = first.control;
    const stop = isGroup ? /** @type {HTMLElement | null} */ (input.querySelector("input")) : input;
    stop?.focus();
    return true;
  }

  /** What Slack itself finds wrong before anything is sent. */
  check() {
    /** @type {Record<string, string>} */
    const errors = {};
    for (const { block, control } of this.fields.values()) {
      if (block.type !== "input") continue;
      const problem = problemOf(block, control.read());
      if (problem) errors[block.block_id ?? ""] = problem;
    }
    return errors;
  }

  /** @param {string} id */
  clear(id) {
    if (!this.errors[id]) return;
    delete this.errors[id];
    this.mark(id);
  }

  /** @param {string} id of a block */
  mark(id) {
    const note = this.notes.get(id);
    if (!note) return;
    note.textContent = this.errors[id] ?? "";
    for (const { block, control } of this.fields.values()) {
      if (block.block_id !== id) continue;
      if (this.errors[id]) control.input.setAttribute("aria-invalid", "true");
      else control.input.removeAttribute("aria-invalid");
    }
  }
}

/** @param {Block} block @param {Record<string, unknown>} state */
function problemOf(block, state) {
  const { type: _, ...rest } = state;
  const value = Object.values(rest)[0];
  const isEmpty = value === null || value === undefined || (Array.isArray(value) && !value.length) ||
    (typeof value === "string" && value.trim() === "");
  if (isEmpty) return block.optional ? null : EMPTY;
  const least = block.element.min_length;
  if (least && typeof value === "string" && value.length < least) return `Please write at least ${least} characters.`;
  return null;
}
