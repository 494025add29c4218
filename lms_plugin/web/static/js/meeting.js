// A leader's page keeps itself up to date: soon again while all is well, later and later while the line is down.

const LONGEST_SECONDS = 60;

const live = document.getElementById("live");
const stale = document.getElementById("live-stale");
let failures = 0;
let timer = 0;

const wanted = () => Number(live.firstElementChild?.dataset.nextSeconds) || 5;

const schedule = () => {
  window.clearTimeout(timer);
  const seconds = Math.min(wanted() * 2 ** failures, LONGEST_SECONDS);
  timer = window.setTimeout(refresh, seconds * 1000);
};

const refresh = () => {
  if (document.hidden) return;
  window.htmx?.trigger(live, "refresh");
};

live.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== live) return;
  failures = event.detail.successful ? 0 : Math.min(failures + 1, 6);
  stale.hidden = failures === 0;
  schedule();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) window.clearTimeout(timer);
  else refresh();
});

window.addEventListener("online", refresh);

schedule();
