/**
 * Where blocks stand (one message, one form, one Home tab) and what happens when something on
 * them is pressed: the press goes to the server, the button shows that it is on its way, and a
 * failure is said in place. It outlives the elements, so redrawing a card loses none of this.
 */

import { act, sentenceOf } from "./api.js";

export class Surface {
  /**
   * @param {"message" | "modal" | "home"} kind
   * @param {string} as
   * @param {() => Record<string, unknown>} address names the place for the server
   * @param {() => void} changed draws it again
   */
  constructor(kind, as, address, changed) {
    this.kind = kind;
    this.as = as;
    this.address = address;
    this.changed = changed;
    /** @type {Set<string>} */
    this.busy = new Set();
    /** @type {string | null} */
    this.failure = null;
  }

  /** @param {string} block @param {string} action */
  isBusy(block, action) {
    return this.busy.has(`${block} ${action}`);
  }

  /**
   * Presses an element. A second press while the first is on its way is nothing.
   * @param {string} block @param {string} action @param {Record<string, unknown>} what
   */
  async press(block, action, what) {
    const key = `${block} ${action}`;
    if (this.busy.has(key)) return;
    this.busy.add(key);
    this.failure = null;
    this.changed();
    const answer = await act("click", {
      as: this.as, ...this.address(), block_id: block, action_id: action, ...what,
    });
    this.busy.delete(key);
    this.failure = answer.ok ? null : sentenceOf(answer);
    this.changed();
  }

  forgive() {
    this.failure = null;
    this.changed();
  }
}
