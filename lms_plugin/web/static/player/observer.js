// Feeds a gatherer from a media element: at its events, at each frame shown, and at least once a second.

const EVENTS = [
  "play",
  "playing",
  "pause",
  "seeking",
  "seeked",
  "waiting",
  "stalled",
  "ratechange",
  "timeupdate",
  "ended",
  "emptied",
  "loadeddata",
];
const TICK_MS = 1000;

const nowSeconds = () => performance.now() / 1000;

/**
 * Start observing. `seen` is called after each observation with the event's name or "frame", "tick" or "look".
 * Returns {look, aim, seek, stop}: `look()` observes at once; `aim(position)` says where a film that is being loaded
 * will begin; `seek(position)` moves the playhead and observes right before and after, so that nothing played is lost
 * between the last frame and the jump, nor between the jump and its event.
 */
export function observe(video, gatherer, seen = () => {}) {
  let stopped = false;
  let target = null;
  let lookedAt = nowSeconds();

  const note = (changes) => {
    gatherer.observe({
      position: video.currentTime,
      at: nowSeconds(),
      rate: video.playbackRate,
      paused: video.paused,
      seeking: video.seeking,
      ended: video.ended,
      stalled: video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && !video.ended,
      loop: video.loop,
      ours: target !== null,
      ...changes,
    });
    lookedAt = nowSeconds();
  };

  const take = (name) => {
    // A busy page hears of a seek when the film plays on already. Of ours it is known where it went.
    if (target !== null && (video.seeking || name === "seeking")) {
      note({ position: target, at: lookedAt, seeking: true });
    }
    if (target === null || !video.seeking) {
      note({ seeking: video.seeking || (name === "seeking" && target === null), reset: name === "emptied" });
    }
    if (!video.seeking && (name === "seeked" || name === "playing")) target = null;
    seen(name);
  };

  const onEvent = (event) => take(event.type);
  for (const name of EVENTS) video.addEventListener(name, onEvent);

  // Frames are the finest sign of play. They stop in a hidden tab, where timeupdate and the tick go on.
  const onFrame = () => {
    if (stopped) return;
    take("frame");
    video.requestVideoFrameCallback(onFrame);
  };
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(onFrame);
  const timer = setInterval(() => take("tick"), TICK_MS);

  return {
    look: () => take("look"),
    aim(position) {
      target = position;
    },
    seek(position) {
      take("look");
      target = position;
      video.currentTime = position;
      take("look");
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      for (const name of EVENTS) video.removeEventListener(name, onEvent);
    },
  };
}
