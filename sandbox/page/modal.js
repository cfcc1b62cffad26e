/** The forms that an app has open for a person: the topmost of the stack is shown. */

import { act, sentenceOf } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { askFirst, closeButton, openDialog } from "./dialog.js";
import { fill, focusable, h, icon, uid } from "./dom.js";
import { keepFocus } from "./focus.js";
import { Form } from "./form.js";
import { plainWords } from "./text.js";

/** @typedef {import("./types.js").View} View */

/**
 * Shows the seat's forms on its window.
 * @param {HTMLElement} host
 * @param {import("./seat.js").Seat} seat
 */
export function mountModal(host, seat) {
  /** @type {Map<string, Form>} what was typed, by view: a form below the topmost keeps it */
  const forms = new Map();
  /** @type {{dialog: import("./dialog.js").Dialog, view: View, sheet: Sheet} | null} */
  let shown = null;

  const draw = () => {
    const view = seat.views.at(-1) ?? null;
    if (!view) {
      shown?.dialog.close();
      shown = null;
      forms.clear();
      return;
    }
    if (!shown) {
      const label = uid("form-title");
      const dialog = openDialog(host, { label, kind: "modal", onEscape: () => void shown?.sheet.leave() });
      shown = { dialog, view, sheet: new Sheet(host, seat, dialog.element, label) };
    }
    const form = forms.get(view.id) ?? new Form();
    forms.set(view.id, form);
    const isNew = shown.view.id !== view.id || !shown.sheet.isDrawn;
    shown.view = view;
    shown.sheet.draw(view, form, isNew);
  };
  seat.addEventListener("change", (event) => {
    if (/** @type {CustomEvent} */ (event).detail === "views") draw();
  });
  draw();
}

/** One dialog with the form in it. */
class Sheet {
  /** @param {HTMLElement} host @param {import("./seat.js").Seat} seat @param {HTMLElement} element @param {string} label */
  constructor(host, seat, element, label) {
    this.host = host;
    this.seat = seat;
    this.element = element;
    this.label = label;
    this.isDrawn = false;
    this.isSending = false;
    this.trouble = "";
    /** @type {View} */
    this.view = { id: "", blocks: [] };
    this.form = new Form();
    this.body = h("div", { class: "dialog-body", tabindex: "-1" });
    this.news = h("p", { class: "sr-only", role: "status" });
  }

  /** @param {View} view @param {Form} form @param {boolean} isNew */
  draw(view, form, isNew) {
    const changed = this.isDrawn && !isNew && view.hash !== this.view.hash;
    const restore = keepFocus(this.element);
    const scroll = isNew ? 0 : this.body.scrollTop;
    this.view = view;
    this.form = form;
    form.redraw();
    const reader = { directory: this.seat.directory, as: this.seat.as };
    const surface = this.seat.surface("modal", view.id, () => ({ view_id: view.id }));
    fill(this.body, renderBlocks(view.blocks, { reader, surface, form, ask: (question) => askFirst(this.host, question, reader) }));
    fill(this.element,
      h("header", {}, h("h2", { id: this.label }, plainWords(view.title)), closeButton(() => void this.leave())),
      h("form", { novalidate: true, on: { submit: (/** @type {Event} */ event) => void this.send(event) } }, this.body, this.footer()),
      this.news);
    this.body.scrollTop = scroll;
    if (isNew) this.enter();
    else restore();
    if (changed) this.news.textContent = `${plainWords(view.title)}: updated`;
    this.isDrawn = true;
  }

  footer() {
    const close = plainWords(this.view.close) || (this.view.submit ? "Cancel" : "Close");
    return h("footer", {},
      h("p", { class: "trouble", role: "alert" }, this.trouble ? [icon("alert"), this.trouble] : null),
      h("button", { type: "button", class: "button", data: { focus: "form close" }, on: { click: () => void this.leave() } }, close),
      this.view.submit ? h("button", {
        type: "submit", class: `button primary ${this.isSending ? "busy" : ""}`, data: { focus: "form submit" },
        "aria-busy": this.isSending ? "true" : null, "aria-disabled": this.isSending ? "true" : null,
      }, plainWords(this.view.submit)) : null);
  }

  /** The first field, else the form itself, so that its title and words are read out. */
  enter() {
    const field = focusable(this.body).find((one) => one.matches("input, select, textarea"));
    (field ?? this.element).focus();
  }

  redraw() {
    this.draw(this.view, this.form, false);
  }

  /** @param {Event} event */
  async send(event) {
    event.preventDefault();
    if (this.isSending) return;
    this.trouble = "";
    if (this.form.fail(this.form.check())) return;
    this.isSending = true;
    this.redraw();
    const view = this.view;
    const answer = await act("submit", { as: this.seat.as, view_id: view.id, values: this.form.read() });
    this.isSending = false;
    await this.seat.readViews();
    if (this.seat.views.at(-1)?.id !== view.id) return;
    if (answer.errors) {
      this.redraw();
      if (!this.form.fail(answer.errors)) this.say(Object.values(answer.errors).join(" "));
    } else if (!answer.ok) this.say(sentenceOf(answer));
    else this.redraw();
  }

  /** @param {string} trouble */
  say(trouble) {
    this.trouble = trouble;
    this.redraw();
  }

  async leave() {
    const answer = await act("close", { as: this.seat.as, view_id: this.view.id });
    await this.seat.readViews();
    if (!answer.ok && this.seat.views.at(-1)?.id === this.view.id) this.say(sentenceOf(answer));
  }
}
