/** The button that says who one is in this window, and changes it. */

import { zone } from "./dates.js";
import { fill, h, icon } from "./dom.js";
import { attachMenu } from "./menu.js";
import { avatarOf } from "./message.js";

/**
 * @param {import("./directory.js").Directory} directory
 * @param {string} as
 * @param {(id: string) => void} change
 */
export function personSwitch(directory, as, change) {
  const user = directory.user(as);
  const button = h("button", { type: "button", class: "person", data: { person: as } });
  fill(button, avatarOf(user?.avatar, directory.nameOf(as)),
    h("span", { class: "person-words" }, h("span", { class: "person-you" }, "You are: "), h("strong", {}, directory.nameOf(as))),
    icon("caret"));
  attachMenu(button, "Be somebody else", () => directory.people.map((one) => ({
    label: directory.nameOf(one.id), text: directory.nameOf(one.id), note: aboutOf(directory, one),
    checked: one.id === as, disabled: Boolean(one.deleted), pick: () => change(one.id),
  })));
  return button;
}

/** What the person does, and the zone that their times are shown in where it is another. @param {import("./directory.js").Directory} directory @param {import("./types.js").User} user */
function aboutOf(directory, user) {
  const role = directory.roleOf(user.id);
  const title = user.title && user.title !== role ? user.title : "";
  const away = user.tz && zone(user.tz) !== zone(undefined) ? `times in ${user.tz}` : "";
  return [role, title, away].filter(Boolean).join(" · ");
}
