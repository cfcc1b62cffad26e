/** The places of the workspace that a person can go to, with what is new in each. */

import { fill, h, icon } from "./dom.js";
import { keepFocus } from "./focus.js";
import { avatarOf } from "./message.js";

/**
 * @param {import("./seat.js").Seat} seat
 * @param {() => void} chosen after the person went somewhere
 */
export function mountSidebar(seat, chosen) {
  const { directory } = seat;
  const node = h("nav", { class: "sidebar", "aria-label": `Channels of ${directory.nameOf(seat.as)}` });

  /** @param {string} channel @param {import("./seat.js").Place["tab"]} tab */
  const go = (channel, tab) => {
    void seat.open(channel, tab);
    chosen();
  };
  /** @param {{id: string, name: string, unread: number, sign: Node, isApp?: boolean}} entry */
  const row = (entry) => {
    const here = seat.place?.channel === entry.id && (entry.isApp || !seat.isAtApp);
    return h("li", {}, h("button", {
      type: "button", class: `place ${entry.unread ? "unread" : ""}`, "aria-current": here ? "page" : null,
      data: { focus: `place ${entry.id}`, channel: entry.id }, on: { click: () => go(entry.id, "messages") },
    }, entry.sign, h("span", { class: "place-name" }, entry.name),
    entry.unread ? h("span", { class: "count" }, String(entry.unread), h("span", { class: "sr-only" }, " unread")) : null));
  };
  const draw = () => {
    const restore = keepFocus(node);
    const channels = seat.inbox.filter((entry) => entry.kind === "channel");
    const dm = seat.inbox.find((entry) => entry.kind === "dm");
    const appUser = directory.user(directory.app.bot_user_id);
    fill(node,
      h("h3", {}, "Channels"),
      h("ul", {}, channels.map((entry) => row({ ...entry, sign: icon(directory.channel(entry.id)?.is_private ? "lock" : "hash") }))),
      h("h3", {}, "Apps"),
      h("ul", {}, row({
        id: dm?.id ?? "", name: directory.app.name, unread: dm?.unread ?? 0, isApp: true,
        sign: avatarOf(appUser?.avatar, directory.app.name, true),
      })));
    restore();
  };
  seat.addEventListener("change", (event) => {
    if (["inbox", "place"].includes(/** @type {CustomEvent} */ (event).detail)) draw();
  });
  draw();
  return node;
}
