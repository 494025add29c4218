// The frame on the whole screen: film, messages, questions and controls together.

export class FullScreen {
  #frame;
  #video;

  /** `onChange(full)` hears when it begins and ends. */
  constructor(root, video, onChange) {
    this.#frame = root.querySelector("[data-part=frame]");
    this.#video = video;
    for (const name of ["fullscreenchange", "webkitfullscreenchange"]) {
      document.addEventListener(name, () => {
        onChange(this.#on);
        // What had the focus may lie outside the part that fills the screen; the keys must go on working.
        if (this.#on && !this.#frame.contains(document.activeElement)) this.#frame.focus();
      });
    }
  }

  toggle() {
    if (this.#on) (document.exitFullscreen ?? document.webkitExitFullscreen).call(document);
    else if (this.#frame.requestFullscreen) this.#frame.requestFullscreen();
    else if (this.#frame.webkitRequestFullscreen) this.#frame.webkitRequestFullscreen();
    else this.#video.webkitEnterFullscreen?.(); // telephones that show only the film itself on the whole screen
  }

  /** Leave a full screen that has room for the bare film only: something beside it must be seen. */
  showFrame() {
    if (this.#video.webkitDisplayingFullscreen && !this.#on) this.#video.webkitExitFullscreen();
  }

  get #on() {
    return Boolean(document.fullscreenElement ?? document.webkitFullscreenElement);
  }
}
