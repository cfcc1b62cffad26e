/**
 * The form controls of Block Kit as plain HTML ones. Each gives its element, the state that Slack
 * would send for it, and tells when it was changed.
 */

import { fromLocal, toLocal } from "./dates.js";
import { h, uid } from "./dom.js";
import { plainWords } from "./text.js";

/** @typedef {import("./types.js").Option} Option */
/** @typedef {import("./directory.js").Directory} Directory */
/**
 * @typedef {{node: HTMLElement, input: HTMLElement, isGroup?: boolean, read: () => Record<string, unknown>}} Control
 *   `input` is what a label names and the focus goes to
 * @typedef {{
 *   id: string, focus: string, tz?: string, directory: Directory, kept?: Record<string, any>, changed: () => void
 * }} Setting  `kept` is the state that the control had before it was redrawn, `tz` the
 *   zone whose clocks the person reads
 */

/** @type {Record<string, (element: any, setting: Setting) => Control>} */
export const CONTROLS = {
  plain_text_input: textInput("text"),
  number_input: textInput("number"),
  email_text_input: textInput("email"),
  url_text_input: textInput("url"),
  static_select: (element, setting) => {
    const options = flatOptions(element);
    const kept = setting.kept ? setting.kept.selected_option : element.initial_option;
    return select(element, setting, options.map((one) => [one.value ?? "", plainWords(one.text)]), kept?.value, (value) => ({
      selected_option: options.find((one) => one.value === value) ?? null,
    }));
  },
  users_select: (element, setting) => {
    const people = setting.directory.people.filter((user) => !user.deleted);
    const kept = setting.kept ? setting.kept.selected_user : element.initial_user;
    return select(element, setting, people.map((user) => [user.id, setting.directory.nameOf(user.id)]), kept, (value) => ({ selected_user: value }));
  },
  multi_users_select: (element, setting) => {
    const options = setting.directory.people.filter((user) => !user.deleted)
      .map((user) => ({ text: { type: /** @type {const} */ ("plain_text"), text: setting.directory.nameOf(user.id), emoji: false }, value: user.id }));
    const kept = (setting.kept ? setting.kept.selected_users : element.initial_users) ?? [];
    const chosen = options.filter((one) => kept.includes(one.value));
    const control = choices(element, { ...setting, kept: undefined }, options, "checkbox", chosen, element.max_selected_items);
    const picked = () => /** @type {Option[]} */ (control.read().selected_options).map((one) => one.value);
    return { ...control, read: () => ({ type: element.type, selected_users: picked() }) };
  },
  channels_select: places("channel"),
  conversations_select: places("conversation"),
  multi_static_select: (element, setting) => {
    const initial = element.initial_options;
    return choices(element, setting, flatOptions(element), "checkbox", initial, element.max_selected_items);
  },
  checkboxes: (element, setting) => choices(element, setting, element.options, "checkbox", element.initial_options),
  radio_buttons: (element, setting) => choices(element, setting, element.options, "radio", element.initial_option),
  datepicker: picker("date", "selected_date", "initial_date"),
  timepicker: picker("time", "selected_time", "initial_time"),
  datetimepicker: (element, setting) => {
    const kept = setting.kept ? setting.kept.selected_date_time : element.initial_date_time;
    const input = /** @type {HTMLInputElement} */ (h("input", {
      id: setting.id, type: "datetime-local", class: "field picker", data: { focus: setting.focus }, on: { change: setting.changed },
    }));
    input.value = kept ? toLocal(kept, setting.tz) : "";
    return { node: input, input, read: () => ({ type: element.type, selected_date_time: input.value ? fromLocal(input.value, setting.tz) : null }) };
  },
};

/** @param {any} element @returns {Option[]} */
function flatOptions(element) {
  return element.options ?? (element.option_groups ?? []).flatMap((/** @type {any} */ group) => group.options);
}

/** @param {string} type */
function textInput(type) {
  return (/** @type {any} */ element, /** @type {Setting} */ setting) => {
    const multiline = type === "text" && element.multiline;
    const input = /** @type {HTMLInputElement | HTMLTextAreaElement} */ (h(multiline ? "textarea" : "input", {
      id: setting.id, class: "field", type: multiline ? null : type, rows: multiline ? "3" : null, autocomplete: "off",
      placeholder: plainWords(element.placeholder), maxlength: element.max_length, data: { focus: setting.focus },
      min: element.min_value, max: element.max_value, step: element.is_decimal_allowed ? "any" : null,
      on: { input: setting.changed },
    }));
    input.value = String((setting.kept ? setting.kept.value : element.initial_value) ?? "");
    return { node: input, input, read: () => ({ type: element.type, value: input.value === "" ? null : input.value }) };
  };
}

/**
 * @param {any} element @param {Setting} setting @param {[string, string][]} options
 * @param {string | undefined} chosen @param {(value: string | null) => Record<string, unknown>} state
 * @returns {Control}
 */
function select(element, setting, options, chosen, state) {
  const input = /** @type {HTMLSelectElement} */ (h("select", {
    id: setting.id, class: "field select", data: { focus: setting.focus }, on: { change: setting.changed },
  }, h("option", { value: "" }, plainWords(element.placeholder) || "Choose…"),
  options.map(([value, words]) => h("option", { value }, words))));
  input.value = chosen ?? "";
  return { node: input, input, read: () => ({ type: element.type, ...state(input.value || null) }) };
}

/** @param {"channel" | "conversation"} what */
function places(what) {
  return (/** @type {any} */ element, /** @type {Setting} */ setting) => {
    const options = setting.directory.facts.channels.map((one) => /** @type {[string, string]} */ ([one.id, `#${one.name}`]));
    const kept = setting.kept ? setting.kept[`selected_${what}`] : element[`initial_${what}`];
    return select(element, setting, options, kept, (value) => ({ [`selected_${what}`]: value }));
  };
}

/**
 * @param {any} element @param {Setting} setting @param {Option[]} options @param {"radio" | "checkbox"} type
 * @param {any} initial @param {number} [most]
 * @returns {Control}
 */
function choices(element, setting, options, type, initial, most) {
  const key = type === "radio" ? "selected_option" : "selected_options";
  const kept = [(setting.kept ? setting.kept[key] : initial) ?? []].flat().map((/** @type {Option} */ one) => one.value);
  const name = uid("choice");
  const boxes = options.map((option, index) => /** @type {HTMLInputElement} */ (h("input", {
    type, name, value: option.value, checked: kept.includes(option.value),
    data: { focus: `${setting.focus} ${index}` },
  })));
  const limit = () => {
    const full = most !== undefined && boxes.filter((box) => box.checked).length >= most;
    for (const box of boxes) box.disabled = full && !box.checked;
  };
  const node = h("div", { id: setting.id, class: "choices", role: type === "radio" ? "radiogroup" : "group" },
    options.map((option, index) => h("label", { class: "choice" }, boxes[index],
      h("span", {}, plainWords(option.text), option.description ? h("small", {}, plainWords(option.description)) : null))));
  node.addEventListener("change", () => {
    limit();
    setting.changed();
  });
  limit();
  const picked = () => options.filter((_, index) => boxes[index].checked);
  return {
    node, input: node, isGroup: true,
    read: () => ({ type: element.type, [key]: type === "radio" ? (picked()[0] ?? null) : picked() }),
  };
}

/** @param {string} type @param {string} key @param {string} initial */
function picker(type, key, initial) {
  return (/** @type {any} */ element, /** @type {Setting} */ setting) => {
    const input = /** @type {HTMLInputElement} */ (h("input", {
      id: setting.id, type, class: "field picker", data: { focus: setting.focus }, on: { change: setting.changed },
    }));
    input.value = String((setting.kept ? setting.kept[key] : element[initial]) ?? "");
    return { node: input, input, read: () => ({ type: element.type, [key]: input.value || null }) };
  };
}
