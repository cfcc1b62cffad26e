/**
 * The time that the sandbox sees: the browser's clock plus an offset told by the server,
 * which can be moved forward to try out what happens later.
 */

let offset = 0;

/** @param {number} serverNow seconds since 1970, as the server sees them */
export function setClock(serverNow) {
  offset = serverNow - Date.now() / 1000;
}

/** Seconds since 1970 in the sandbox. */
export function now() {
  return Date.now() / 1000 + offset;
}

/** How far the sandbox is ahead of this computer, in seconds. */
export function ahead() {
  return offset;
}
