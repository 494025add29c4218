// What is drawn anew under a finger or a pointer takes the press with it: a browser makes no click of it any more.

/** Puts drawing off while something of `root` is being pressed. */
export class Press {
  #held = false;
  #putOff = [];

  constructor(root) {
    root.addEventListener("pointerdown", () => this.#hold(), { capture: true });
  }

  /** Draw now or, while a press lasts, right after it, in the order in which it was asked. */
  after(draw) {
    if (this.#held) this.#putOff.push(draw);
    else draw();
  }

  #hold() {
    if (this.#held) return;
    this.#held = true;
    const heard = new AbortController();
    const { signal } = heard;
    const release = () => {
      heard.abort();
      setTimeout(() => this.#release()); // the click follows the release within the same task
    };
    for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, release, { signal });
    // Some releases are heard by nobody: over a menu of the browser's, outside its window.
    addEventListener("pointermove", ({ buttons }) => buttons || release(), { signal });
  }

  #release() {
    this.#held = false;
    for (const draw of this.#putOff.splice(0)) draw();
  }
}
