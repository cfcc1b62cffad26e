/**
 * Who and what there is in the workspace, shared by all windows: people, channels, groups, the
 * app and its commands. Emits `change` when a reading brought something new.
 */

import { bootstrap } from "./api.js";
import { setClock } from "./clock.js";
import { recount } from "./countdown.js";

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
    /** Another one whenever something but the time is new. */
    this.version = 0;
  }

  async load() {
    const facts = await bootstrap();
    const isNew = JSON.stringify({ ...facts, now: 0 }) !== JSON.stringify({ ...this.facts, now: 0 });
    this.facts = facts;
    setClock(facts.now);
    recount();
    if (!isNew) return;
    this.users = new Map(facts.users.map((user) => [user.id, user]));
    this.version += 1;
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
