// Loads a film into a media element: hls.js where media source extensions exist, the browser's own HLS on Apple's.

const MANIFEST_TYPE = "application/vnd.apple.mpegurl";
/** Answers that mean the address has run out: a new playback session brings a new one. */
const EXPIRED = new Set([401, 403, 404, 410]);
const NETWORK_RETRIES = 3;

/** Some browsers claim HLS and play it poorly; only Apple's own is preferred to hls.js. */
function playsHlsWell(video) {
  return navigator.vendor.startsWith("Apple") && video.canPlayType(MANIFEST_TYPE) !== "";
}

/** True where this browser can play the films at all. */
export function canPlay(video) {
  return playsHlsWell(video) || Boolean(globalThis.Hls?.isSupported()) || video.canPlayType(MANIFEST_TYPE) !== "";
}

/** Events: "levels" (detail.levels: [{index, height}]), "failed" (detail.kind: expired, network or media). */
export class Source extends EventTarget {
  #video;
  #hls = null;
  #native = null;
  #retries = 0;
  #mediaRecovered = false;

  constructor(video) {
    super();
    this.#video = video;
  }

  /** Load a manifest and stand at `position` seconds. Replaces what was loaded before. */
  load(address, position) {
    this.detach();
    this.#retries = 0;
    this.#mediaRecovered = false;
    if (!playsHlsWell(this.#video) && globalThis.Hls?.isSupported()) this.#loadWithHls(address, position);
    else this.#loadNatively(address, position);
  }

  /** Fix the rendition by its index, or -1 to let the line decide. */
  choose(level) {
    if (this.#hls) this.#hls.nextLevel = level;
  }

  detach() {
    this.#hls?.destroy();
    this.#hls = null;
    this.#native?.abort();
    this.#native = null;
  }

  #loadWithHls(address, position) {
    const { Hls } = globalThis;
    const hls = new Hls({ startPosition: position, maxBufferLength: 30, backBufferLength: 60, capLevelToPlayerSize: true });
    this.#hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      const levels = hls.levels.map(({ height }, index) => ({ index, height })).filter(({ height }) => height > 0);
      this.#tell("levels", { levels });
    });
    hls.on(Hls.Events.FRAG_BUFFERED, () => {
      this.#retries = 0;
    });
    hls.on(Hls.Events.ERROR, (_, fault) => {
      if (fault.fatal) this.#recover(fault);
    });
    hls.loadSource(address);
    hls.attachMedia(this.#video);
    // hls.js goes there only when its first segment is in, and the film would play from 0 until then. A media element
    // that has nothing yet keeps the position, and begins there.
    this.#video.currentTime = position;
  }

  #recover(fault) {
    const { Hls } = globalThis;
    if (EXPIRED.has(fault.response?.code)) {
      this.#tell("failed", { kind: "expired" });
    } else if (fault.type === Hls.ErrorTypes.NETWORK_ERROR) {
      if (this.#retries++ < NETWORK_RETRIES && this.#hls.levels.length > 0) this.#hls.startLoad();
      else this.#tell("failed", { kind: "network" });
    } else if (fault.type === Hls.ErrorTypes.MEDIA_ERROR && !this.#mediaRecovered) {
      this.#mediaRecovered = true;
      this.#hls.recoverMediaError();
    } else {
      this.#tell("failed", { kind: "media" });
    }
  }

  #loadNatively(address, position) {
    this.#native = new AbortController();
    const { signal } = this.#native;
    this.#video.addEventListener("loadedmetadata", () => (this.#video.currentTime = position), { once: true, signal });
    this.#video.addEventListener("error", () => this.#explain(address, signal), { signal });
    this.#video.src = address;
    this.#video.load();
  }

  /** A media element does not say what the service answered; asking for the manifest once more does. */
  async #explain(address, signal) {
    try {
      const { ok, status } = await fetch(address, { credentials: "same-origin", signal });
      this.#tell("failed", { kind: ok ? "media" : EXPIRED.has(status) ? "expired" : "network" });
    } catch {
      if (!signal.aborted) this.#tell("failed", { kind: "network" });
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
