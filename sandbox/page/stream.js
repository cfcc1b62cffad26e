/**
 * One person's events, as long as the page is looked at. A hidden page lets go of its stream:
 * browsers allow six connections to a server, and two tabs with three windows would need them all.
 */

const FIRST_WAIT = 300;
const LONGEST_WAIT = 3000;

/**
 * Follows `as`. `up` runs at each connection (the state must be read again: events may have been
 * missed), `down` when it breaks. Returns the way to stop.
 *
 * @param {string} as
 * @param {{event: (event: any) => void, up: () => void, down: () => void}} listener
 */
export function follow(as, listener) {
  /** @type {EventSource | null} */
  let source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let wait = FIRST_WAIT;

  const open = () => {
    source = new EventSource(`/sandbox/events?as=${encodeURIComponent(as)}`);
    source.onopen = () => {
      wait = FIRST_WAIT;
      listener.up();
    };
    source.onmessage = (message) => listener.event(JSON.parse(message.data));
    source.onerror = () => {
      // The browser's own retry gives up on the first refusal; ours does not.
      close();
      listener.down();
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const look = () => {
    close();
    if (document.visibilityState === "visible") open();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}
