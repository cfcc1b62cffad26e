/**
 * Keeping the keyboard's place while things are redrawn. An element says with `data-focus` who it
 * is; when its successor is there it gets the focus, else the message or panel around it does.
 */

/**
 * Remembers where the focus is inside `root`; the answer puts it back after redrawing.
 * @param {Element} root
 * @returns {() => void}
 */
export function keepFocus(root) {
  const active = document.activeElement;
  if (!(active instanceof HTMLElement) || !root.contains(active)) return () => {};
  const caret = active instanceof HTMLTextAreaElement || (active instanceof HTMLInputElement && active.type === "text")
    ? [active.selectionStart, active.selectionEnd]
    : null;
  const back = wayBack(active, root);
  return () => {
    if (document.activeElement === active && active.isConnected) return;
    const now = back();
    if (caret && (now instanceof HTMLInputElement || now instanceof HTMLTextAreaElement) && now.type !== "number") {
      now.setSelectionRange(caret[0], caret[1]);
    }
  };
}

/**
 * A way to give the focus back to an element, or to what took its place.
 * @param {Element | null} element
 * @param {Element} root where its successor would stand
 * @returns {() => HTMLElement | null}
 */
export function wayBack(element, root) {
  if (!(element instanceof HTMLElement)) return () => null;
  const name = element.dataset.focus;
  const around = element.closest("[data-key]");
  const key = around instanceof HTMLElement ? around.dataset.key : undefined;
  return () => {
    const scope = key ? root.querySelector(`[data-key="${CSS.escape(key)}"]`) : root;
    const heir = element.isConnected
      ? element
      : (name && scope?.querySelector(`[data-focus="${CSS.escape(name)}"]`)) ||
        (key && scope) ||
        root.querySelector("[data-focus-last]");
    if (!(heir instanceof HTMLElement)) return null;
    heir.focus({ preventScroll: true });
    return heir;
  };
}
