/**
 * Who and what there is in the workspace, shared by all windows: people, channels, groups, the
 * app and its commands. Emits `change` after each reading.
 */

import { bootstrap } from "./api.js";
import { setClock } from "./clock.js";

/** @typedef {import("./types.js").User} User */
/** @typedef {import("./types.js").Bootstrap} Bootstrap */

export class Directory extends EventTarget {
  constructor() {
    super();
    /** @type {Bootstrap} */
    this.facts = /** @type {Bootstrap} */ ({
      team: { id: "", name: "" },
      app: { id: "", name: "", bot_user_id: "", commands: [] },
      users: [], channels: [], usergroups: [], now: 0, notes: [],
    });
    /** @type {Map<string, User>} */
    this.users = new Map();
  }

  async load() {
    this.facts = await bootstrap();
    this.users = new Map(this.facts.users.map((user) => [user.id, user]));
    setClock(this.facts.now);
    this.dispatchEvent(new Event("change"));
  }

  get app() {
    return this.facts.app;
  }

  /** People whose window one can open: everyone who is not a program. */
  get people() {
    return this.facts.users.filter((user) => !user.is_bot && user.id !== "USLACKBOT");
  }

  /** @param {string} id */
  user(id) {
    return this.users.get(id);
  }

  /** What a person is called in the workspace; the id where nobody has it. @param {string} id */
  nameOf(id) {
    if (id === this.app.bot_user_id) return this.app.name;
    const user = this.users.get(id);
    return user ? user.real_name || user.name || id : id;
  }

  /** What the person does, in few words. @param {string} id */
  roleOf(id) {
    const user = this.users.get(id);
    if (!user) return "";
    if (user.deleted) return "deactivated";
    return user.role_hint || user.title || (user.is_stranger ? "from another workspace" : user.is_restricted ? "guest" : "");
  }

  /** @param {string} id */
  channelName(id) {
    return this.facts.channels.find((channel) => channel.id === id)?.name ?? null;
  }

  /** @param {string} id */
  channel(id) {
    return this.facts.channels.find((channel) => channel.id === id);
  }

  /** @param {string} id */
  groupHandle(id) {
    return this.facts.usergroups.find((group) => group.id === id)?.handle ?? null;
  }
}
