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
 * Start observing. `seen` is called after each observation with the event's name or "frame" or "tick".
 * Returns {look, stop}: `look()` observes at once, which a player does right before it seeks by itself, so that
 * nothing played is lost between the last frame and the jump.
 */
export function observe(video, gatherer, seen = () => {}) {
  let stopped = false;

  const take = (name) => {
    gatherer.observe({
      position: video.currentTime,
      at: nowSeconds(),
      rate: video.playbackRate,
      paused: video.paused,
      seeking: video.seeking || name === "seeking",
      ended: video.ended,
      stalled: video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && !video.ended,
      loop: video.loop,
      reset: name === "emptied",
    });
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
    stop() {
      stopped = true;
      clearInterval(timer);
      for (const name of EVENTS) video.removeEventListener(name, onEvent);
    },
  };
}
