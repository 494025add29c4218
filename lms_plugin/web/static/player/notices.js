// Messages under the film, one for each matter. They are polite: read out when the listener has a moment.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = { info: "info", ok: "check-circle", warn: "warning", bad: "cross-circle" };

export class Notices {
  #place;
  #icons;
  #press;
  #shown = new Map();

  /**
   * @param {HTMLElement} place a live region; @param {string} icons address of the icon sheet
   * @param {Press} press what is being pressed; a message that came between would move it away
   */
  constructor(place, icons, press) {
    this.#place = place;
    this.#icons = icons;
    this.#press = press;
  }

  /**
   * Show or replace the message of a matter. kind: info, ok, warn or bad. `figure` is a line that may change often;
   * it is not read out again when it does. actions: [{text, run}] become buttons, [{text, address}] links to a new tab.
   */
  show(matter, message) {
    this.#press.after(() => this.#show(matter, message));
  }

  clear(matter) {
    this.#press.after(() => {
      this.#shown.get(matter)?.remove();
      this.#shown.delete(matter);
    });
  }

  #show(matter, { kind, text, figure = "", actions = [] }) {
    const same = JSON.stringify([kind, text, actions.map((action) => action.text)]);
    let box = this.#shown.get(matter);
    if (box?.dataset.same !== same) {
      const fresh = this.#box(kind, text, actions);
      fresh.dataset.matter = matter;
      fresh.dataset.same = same;
      if (box) box.replaceWith(fresh);
      else this.#place.append(fresh);
      this.#shown.set(matter, fresh);
      box = fresh;
    }
    const line = box.querySelector(".figure");
    line.hidden = figure === "";
    if (line.textContent !== figure) line.textContent = figure;
  }

  #box(kind, text, actions) {
    const box = document.createElement("div");
    box.className = `alert ${kind}`;
    const words = document.createElement("p");
    words.textContent = text;
    const figure = document.createElement("p");
    figure.className = "figure figures";
    figure.setAttribute("aria-live", "off");
    const inner = document.createElement("div");
    inner.append(words, figure);
    if (actions.length > 0) inner.append(this.#actions(actions));
    box.append(this.#icon(ICONS[kind]), inner);
    return box;
  }

  #actions(actions) {
    const row = document.createElement("div");
    row.className = "actions";
    for (const { text, run, address } of actions) {
      const control = document.createElement(run ? "button" : "a");
      control.textContent = text;
      if (run) {
        control.type = "button";
        control.addEventListener("click", run);
      } else {
        control.href = address;
        control.target = "_blank";
        control.rel = "noopener";
        control.setAttribute("role", "button");
      }
      row.append(control);
    }
    return row;
  }

  #icon(name) {
    const icon = document.createElementNS(SVG, "svg");
    icon.setAttribute("class", "icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `${this.#icons}#${name}`);
    icon.append(use);
    return icon;
  }
}
