/**
 * Chips that count down to a moment. One timer for the whole page; a chip that left the
 * document is forgotten, one whose moment has come goes quiet.
 */

import { now } from "./clock.js";
import { timeLeft } from "./dates.js";
import { h } from "./dom.js";

const REACH = 86400;
const SOON = 60;

/** @type {Set<HTMLElement>} */
const chips = new Set();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** A chip for a moment within the next 24 hours, else null. @param {number} at seconds since 1970 */
export function countdown(at) {
  const left = at - now();
  if (!Number.isFinite(at) || left <= 0 || left > REACH) return null;
  const chip = h("span", { class: "countdown", role: "timer", data: { until: at } });
  chips.add(chip);
  show(chip);
  if (timer === undefined) plan();
  return chip;
}

/** Brings every chip up to date at once: the sandbox's clock was moved. */
export function recount() {
  for (const chip of chips) show(chip);
}

/** @param {HTMLElement} chip */
function show(chip) {
  const left = Number(chip.dataset.until) - now();
  chip.textContent = left > 0 ? `in ${timeLeft(left)}` : "now";
  chip.classList.toggle("soon", left > 0 && left <= SOON);
  chip.classList.toggle("over", left <= 0);
}

function plan() {
  // Just after the next whole second of the sandbox, so that all chips change together.
  timer = setTimeout(turn, 1000 - ((now() * 1000) % 1000) + 5);
}

function turn() {
  for (const chip of chips) {
    if (!chip.isConnected) chips.delete(chip);
    else show(chip);
  }
  if (chips.size) plan();
  else timer = undefined;
}
