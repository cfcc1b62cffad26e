/**
 * The shapes that the sandbox server sends, and those that the page's modules hand each other.
 * Only types: nothing here runs.
 *
 * @typedef {{letter: string, color: string}} Avatar
 * @typedef {{
 *   id: string, name: string, real_name: string, title?: string, email?: string, avatar?: Avatar,
 *   deleted?: boolean, is_bot?: boolean, is_restricted?: boolean, is_ultra_restricted?: boolean,
 *   is_stranger?: boolean, team_id?: string, tz?: string, role_hint?: string
 * }} User
 * @typedef {{id: string, name: string, topic?: string, is_private?: boolean, members?: string[]}} Channel
 * @typedef {{id: string, handle: string, name?: string, users?: string[]}} Usergroup
 * @typedef {{
 *   command: string, usage_hint?: string, description?: string, should_escape?: boolean
 * }} Command
 * @typedef {{
 *   team: {id: string, name: string, domain?: string},
 *   app: {id: string, name: string, bot_user_id: string, home_tab_enabled?: boolean, commands: Command[]},
 *   users: User[], channels: Channel[], usergroups: Usergroup[], now: number, notes?: string[]
 * }} Bootstrap
 * @typedef {{
 *   id: string, name: string, kind: "channel" | "dm", unread: number, last_ts?: string | null
 * }} InboxEntry
 * @typedef {{
 *   ts: string, user?: string, bot_id?: string, username?: string, text?: string, blocks?: Block[],
 *   thread_ts?: string, reply_count?: number, reactions?: {name: string, count?: number, users?: string[]}[],
 *   edited?: object | null, ephemeral?: boolean, channel?: string, subtype?: string
 * }} Message
 * @typedef {{
 *   id: string, type?: string, hash?: string, title?: TextObject, submit?: TextObject | null,
 *   close?: TextObject | null, blocks: Block[], state?: {values?: Values}
 * }} View
 * @typedef {{type: "plain_text" | "mrkdwn", text: string, emoji?: boolean, verbatim?: boolean}} TextObject
 * @typedef {{text: TextObject, value?: string, description?: TextObject}} Option
 * @typedef {{
 *   title: TextObject, text: TextObject, confirm: TextObject, deny: TextObject, style?: string
 * }} Confirm
 * @typedef {Record<string, any> & {type: string, block_id?: string}} Block
 * @typedef {Record<string, any> & {type: string, action_id?: string, confirm?: Confirm}} Element_
 * @typedef {Record<string, Record<string, Record<string, unknown>>>} Values
 * @typedef {{
 *   ok: boolean, error?: string, message?: string, response_action?: string,
 *   errors?: Record<string, string>, response?: unknown
 * }} Answer
 */

export {};
