// @ts-check
// Keys and clicks in the panel: what is typed goes into the field, and what is meant for one question never answers the
// next.

const A_MOMENT = 700; // ms in which Enter is still meant for what stood there before
const TINY = 400; // CSS px of height: there the whole dialog scrolls, see panel.css

export class Keys {
  /** @type {HTMLElement | null} */ #given = null; // has the focus because the panel gave it
  #at = 0;

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    dialog.addEventListener("focusin", ({ target }) => target !== this.#given && (this.#given = null));
    dialog.addEventListener("keydown", (event) => this.#pressed(event), true);
    dialog.addEventListener("click", once, true);
  }

  /** Put the focus on what comes next; the person did not choose it. @param {HTMLElement} next */
  give(next) {
    [this.#given, this.#at] = [next, performance.now()];
    next.focus({ preventScroll: innerHeight > TINY });
  }

  /** Do what may take the focus away: the heading has it then, and Escape still closes. @param {() => void} act */
  held(act) {
    const { dialog } = this;
    const root = /** @type {ShadowRoot} */ (dialog.getRootNode());
    const inside = dialog.contains(root.activeElement);
    act();
    if (inside && !dialog.contains(root.activeElement))
      /** @type {HTMLElement} */ (dialog.querySelector("#title")).focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const here = /** @type {HTMLElement} */ (event.target);
    const presses = event.key === "Enter" || event.key === " ";
    if (presses && here === this.#given && here.matches("button") && performance.now() - this.#at < A_MOMENT)
      event.preventDefault();
    if (!presses && letter(event) && !here.matches("input:not([type=checkbox]), textarea")) this.#field?.focus();
  }

  /** The field of the open question, where it can be seen. */
  get #field() {
    const field = /** @type {HTMLElement | null} */ (this.dialog.querySelector("#answer"));
    return field?.offsetParent ? field : null;
  }
}

/** The second click of a double one was meant for what stood there before. @param {MouseEvent} event */
function once(event) {
  if (event.detail < 2 || !(/** @type {Element} */ (event.target).closest("button"))) return;
  event.preventDefault();
  event.stopPropagation();
}

/** Whether a key writes something; the letter itself follows the focus. @param {KeyboardEvent} event */
const letter = ({ key, ctrlKey, metaKey, altKey }) => [...key].length === 1 && !ctrlKey && !metaKey && !altKey;
