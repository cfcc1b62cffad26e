/**
 * The sandbox server's control API, as functions. What the server refuses or does not answer
 * comes as a SandboxError with a code and a sentence.
 */

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Message} Message */

export class SandboxError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** @param {string} path @param {Record<string, string | undefined>} [query] @param {unknown} [body] */
async function call(path, query = {}, body = undefined) {
  const url = new URL(`/sandbox/${path}`, location.href);
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, body === undefined ? { cache: "no-store" } : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new SandboxError("unreachable", "The sandbox server does not answer.");
  }
  const answer = await response.json().catch(() => null);
  if (answer === null) throw new SandboxError("bad_answer", `The sandbox server answered with status ${response.status}.`);
  if (!response.ok) throw new SandboxError(answer.error ?? "bad_request", answer.message ?? answer.error ?? "Refused.");
  return answer;
}

/** @returns {Promise<import("./types.js").Bootstrap>} */
export const bootstrap = () => call("bootstrap");

/** @param {string} as @returns {Promise<{channels: import("./types.js").InboxEntry[]}>} */
export const inbox = (as) => call("inbox", { as });

/** @param {string} as @param {string} channel @param {string} ts */
export const markRead = (as, channel, ts) => call("read", {}, { as, channel, ts });

/**
 * @param {string} as @param {string} channel @param {{thread_ts?: string, before?: string}} [which]
 * @returns {Promise<{messages: Message[], has_more: boolean}>}
 */
export const messages = (as, channel, which = {}) => call("messages", { as, channel, limit: "100", ...which });

/** @param {string} as @returns {Promise<{view: import("./types.js").View | null}>} */
export const home = (as) => call("home", { as });

/** @param {string} as @returns {Promise<{stack: import("./types.js").View[]}>} */
export const views = (as) => call("views", { as });

/**
 * Acts as a person; comes back when the bot has answered or time is up. A refusal by the server
 * comes as an answer too: the person who clicked should see it where they clicked.
 *
 * @param {"command" | "message" | "click" | "submit" | "close" | "home"} verb
 * @param {Record<string, unknown>} body
 * @returns {Promise<Answer>}
 */
export async function act(verb, body) {
  try {
    return await call(`act/${verb}`, {}, body);
  } catch (error) {
    if (error instanceof SandboxError) return { ok: false, error: error.code, message: error.message };
    throw error;
  }
}

/** @type {Record<string, string>} */
const SENTENCES = {
  operation_timeout: "The app did not answer within three seconds. It may still be at work; look before you try again.",
  dispatch_failed: "The app could not be reached. Is the bot running?",
  no_connection: "The app could not be reached. Is the bot running?",
  unreachable: "The sandbox server does not answer.",
};

/** What went wrong, as a sentence for the person. @param {Answer} answer */
export function sentenceOf(answer) {
  const code = answer.error ?? "unknown";
  return SENTENCES[code] ?? answer.message ?? `It failed with the error “${code}”.`;
}
