/**
 * Where a person writes: Enter sends, Shift+Enter makes a line, `/` proposes commands, `@` people,
 * the arrow up in an empty field brings back what was sent before.
 */

import { act, sentenceOf } from "./api.js";
import { append, fill, h, icon, uid } from "./dom.js";
import { propose, usageOf } from "./suggest.js";

/** @typedef {import("./suggest.js").Proposal} Proposal */

export class Composer {
  /**
   * @param {import("./seat.js").Seat} seat
   * @param {{thread?: boolean}} [where]
   */
  constructor(seat, where = {}) {
    this.seat = seat;
    this.inThread = Boolean(where.thread);
    /** @type {Proposal[]} */
    this.proposals = [];
    this.at = -1;
    /** @type {string[]} */
    this.sent = [];
    this.recall = 0;
    const ids = { list: uid("proposals"), note: uid("composer-note") };
    this.field = /** @type {HTMLTextAreaElement} */ (h("textarea", {
      rows: "1", class: "composer-field", "aria-autocomplete": "list", "aria-controls": ids.list, "aria-describedby": ids.note,
      spellcheck: "false", data: { "focusLast": "" },
      on: {
        input: () => this.typed(), keydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
        blur: () => this.hide(), click: () => this.typed(),
      },
    }));
    this.list = h("div", { class: "proposals", role: "listbox", id: ids.list, "aria-label": "Proposals", hidden: true });
    this.usage = h("p", { class: "usage", hidden: true });
    this.note = h("p", { class: "composer-note", id: ids.note, role: "status" });
    this.button = h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" }, icon("send"));
    this.node = h("form", {
      class: "composer", on: { submit: (/** @type {Event} */ event) => { event.preventDefault(); void this.send(); } },
    }, this.list, this.usage, h("div", { class: "composer-box" }, this.field, this.button), this.note);
  }

  /** @param {string} label */
  setLabel(label) {
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
  }

  /** Puts words in, for the person to send. @param {string} text */
  write(text) {
    this.field.value = text;
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
    this.grow();
    this.say("");
    this.hide();
  }

  typed() {
    this.say("");
    this.grow();
    const text = this.field.value.slice(0, this.field.selectionStart);
    const people = this.seat.directory.people.filter((user) => !user.deleted)
      .map((user) => ({ name: user.name, words: user.real_name }));
    const commands = this.inThread ? [] : this.seat.directory.app.commands;
    this.proposals = propose(text, commands, people);
    // A bare command or a name is completed by Enter; behind the command Enter sends.
    const complete = this.proposals.length > 0 && (!text.includes(" ") || this.proposals[0].isName) && this.proposals[0].text.trim() !== text;
    this.at = complete ? 0 : -1;
    this.show(usageOf(text, commands));
  }

  /** @param {string} usage */
  show(usage) {
    const ids = this.proposals.map(() => uid("proposal"));
    fill(this.list, this.proposals.map((proposal, index) => h("div", {
      role: "option", id: ids[index], class: "proposal", "aria-selected": String(index === this.at),
      on: { mousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.take(index); } },
    }, h("span", {}, proposal.label), proposal.note ? h("small", {}, proposal.note) : null)));
    this.list.hidden = this.proposals.length === 0;
    this.usage.hidden = usage === "" || !this.list.hidden;
    this.usage.textContent = usage;
    if (this.at >= 0) this.field.setAttribute("aria-activedescendant", ids[this.at]);
    else this.field.removeAttribute("aria-activedescendant");
  }

  hide() {
    this.proposals = [];
    this.at = -1;
    this.show("");
  }

  /** @param {number} index */
  take(index) {
    const proposal = this.proposals[index];
    const rest = this.field.value.slice(this.field.selectionStart);
    const before = this.field.value.slice(0, proposal.from) + proposal.text;
    this.field.value = before + rest;
    this.field.setSelectionRange(before.length, before.length);
    this.field.focus();
    this.typed();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return;
    const count = this.proposals.length;
    if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.at = this.at < 0 ? (step > 0 ? 0 : count - 1) : (this.at + step + count) % count;
      this.show("");
    } else if (count && event.key === "Escape") this.hide();
    else if (count && event.key === "Tab" && !event.shiftKey && !this.proposals[Math.max(0, this.at)].isHint) this.take(Math.max(0, this.at));
    else if (event.key === "Enter" && !event.shiftKey) {
      if (count && this.at >= 0 && !this.proposals[this.at].isHint) this.take(this.at);
      else void this.send();
    } else if (event.key === "ArrowUp" && this.sent.length && (this.field.value === "" || this.recall > 0)) {
      this.recall = Math.min(this.recall + 1, this.sent.length);
      this.write(this.sent[this.sent.length - this.recall]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async send() {
    const text = this.field.value.trim();
    if (!text) return;
    const command = text.startsWith("/") ? text.split(/\s/)[0] : null;
    const known = this.seat.directory.app.commands.some((one) => one.command === command);
    if (command && this.inThread) return this.say(`${command} is not supported in threads. Write it in the channel.`);
    if (command && !known) return this.say(`${command} is not a valid command here. Messages that start with “/” are read as commands.`);
    const place = this.seat.place;
    const channel = place?.channel || this.seat.directory.app.bot_user_id;
    this.sent.push(text);
    this.recall = 0;
    this.field.value = "";
    this.grow();
    this.hide();
    this.say(command ? `${command}: working…` : "");
    const body = { as: this.seat.as, channel, text };
    const answer = await act(command ? "command" : "message", this.inThread ? { ...body, thread_ts: this.seat.thread } : body);
    this.say(answer.ok ? "" : `${command ? `${command} failed. ` : ""}${sentenceOf(answer)}`);
    if (!answer.ok && this.field.value === "") this.field.value = text;
    if (!place?.channel) await this.seat.readInbox();
  }

  /** @param {string} words */
  say(words) {
    fill(this.note);
    append(this.note, words);
    this.note.classList.toggle("bad", words !== "" && !words.endsWith("working…"));
  }

  grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 160)}px`;
  }
}
