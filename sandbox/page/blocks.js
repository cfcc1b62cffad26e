/** Block Kit as elements: what a message, a form or a Home tab is made of. */

import { append, h, icon } from "./dom.js";
import { attachMenu } from "./menu.js";
import { CONTROLS } from "./controls.js";
import { readMarkdown, readRichText } from "./richtext.js";
import { plainWords, rich, textObject } from "./text.js";

/** @typedef {import("./types.js").Block} Block */
/** @typedef {import("./form.js").Form} Form */
/**
 * @typedef {{
 *   reader: import("./text.js").Reader, surface: import("./surface.js").Surface, form: Form,
 *   ask: (question: import("./types.js").Confirm) => Promise<boolean>
 * }} Ground what blocks stand on
 */

/** @param {Block[]} blocks @param {Ground} ground */
export function renderBlocks(blocks, ground) {
  const root = h("div", { class: "blocks" });
  blocks.forEach((block, index) => append(root, renderBlock({ block_id: `block-${index}`, ...block }, ground)));
  if (ground.surface.failure) append(root, failure(ground.surface));
  return root;
}

/** @param {Block} block @param {Ground} ground @returns {HTMLElement} */
function renderBlock(block, ground) {
  switch (block.type) {
    case "section": return section(block, ground);
    case "header": return h("h3", { class: "block header" }, plainWords(block.text));
    case "divider": return h("hr", { class: "block divider" });
    case "context": return h("div", { class: "block context" }, block.elements.map((/** @type {any} */ one) =>
      one.type === "image" ? h("span", {}, one.alt_text) : textObject(one, ground.reader)));
    case "actions": return actions(block, ground);
    case "input": return ground.form.field(block, ground);
    case "rich_text": return h("div", { class: "block" }, rich(readRichText(block), ground.reader));
    case "markdown": return h("div", { class: "block" }, rich(readMarkdown(String(block.text)), ground.reader));
    case "image": return h("p", { class: "block unknown" }, `Image: ${block.alt_text}`);
    default: return h("p", { class: "block unknown" }, `The sandbox does not draw “${block.type}” blocks.`);
  }
}

/** @param {Block} block @param {Ground} ground */
function section(block, ground) {
  const words = h("div", { class: "section-words" }, block.text ? textObject(block.text, ground.reader) : null);
  if (block.fields) {
    append(words, h("div", { class: "fields" }, block.fields.map((/** @type {any} */ field) => h("div", { class: "field-cell" }, textObject(field, ground.reader)))));
  }
  return h("div", { class: "block section" }, words,
    block.accessory ? h("div", { class: "accessory" }, renderElement(block.accessory, block, ground)) : null);
}

/** @param {Block} block @param {Ground} ground */
function actions(block, ground) {
  const working = block.elements.some((/** @type {any} */ one) => ground.surface.isBusy(block.block_id ?? "", one.action_id));
  return h("div", { class: "block actions" },
    block.elements.map((/** @type {any} */ one) => renderElement(one, block, ground)),
    h("span", { class: "working", role: "status" }, working ? "working…" : ""));
}

/** @param {any} element @param {Block} block @param {Ground} ground @returns {HTMLElement} */
function renderElement(element, block, ground) {
  if (element.type === "button") return button(element, block, ground);
  if (element.type === "overflow") return overflow(element, block, ground);
  if (element.type in CONTROLS) return ground.form.control(element, block, ground).node;
  return h("span", { class: "unknown" }, `The sandbox does not draw “${element.type}” elements.`);
}

/** @param {any} element @param {Block} block @param {Ground} ground */
function button(element, block, ground) {
  const busy = ground.surface.isBusy(block.block_id ?? "", element.action_id);
  const style = ["primary", "danger"].includes(element.style) ? element.style : "";
  return h("button", {
    type: "button", class: `button ${style} ${busy ? "busy" : ""}`, "aria-busy": busy ? "true" : null,
    "aria-label": element.accessibility_label, "aria-disabled": busy ? "true" : null,
    data: { focus: `${block.block_id} ${element.action_id}`, action: element.action_id },
    on: {
      click: () => {
        if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener");
        void press(element, block, ground, { value: element.value });
      },
    },
  }, plainWords(element.text));
}

/** @param {any} element @param {Block} block @param {Ground} ground */
function overflow(element, block, ground) {
  const opener = h("button", { type: "button", class: "button", "aria-label": "More actions", data: { focus: `${block.block_id} ${element.action_id}` } }, icon("more"));
  attachMenu(opener, "More actions", () => element.options.map((/** @type {any} */ option) => ({
    label: plainWords(option.text), text: plainWords(option.text),
    pick: () => void press(element, block, ground, { selected_option: option }),
  })));
  return opener;
}

/**
 * Asks first where the element says so, then presses.
 * @param {any} element @param {Block} block @param {Ground} ground @param {Record<string, unknown>} what
 */
export async function press(element, block, ground, what) {
  if (element.confirm && !(await ground.ask(element.confirm))) return;
  const values = ground.surface.kind === "message" ? {} : { values: ground.form.read() };
  await ground.surface.press(block.block_id ?? "", element.action_id, { ...what, ...values });
}

/** @param {import("./surface.js").Surface} surface */
function failure(surface) {
  return h("p", { class: "failure", role: "alert" }, icon("alert"), h("span", {}, surface.failure),
    h("button", { type: "button", class: "link", on: { click: () => surface.forgive() } }, "Dismiss"));
}
