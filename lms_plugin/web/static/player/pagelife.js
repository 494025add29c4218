// What becomes of the page: hidden, left, shown again, on a line that is back.

/** Tell the reporter, so that nothing played is lost with the page. */
export function listenToThePage(reporter, observer) {
  document.addEventListener("visibilitychange", () => {
    observer.look();
    if (document.visibilityState === "hidden") reporter.hide();
    else reporter.resume();
  });
  addEventListener("pagehide", () => {
    observer.look();
    reporter.leave();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) reporter.comeBack();
  });
  addEventListener("online", () => reporter.retry());
  // Where nothing outlives the page, closing it would lose what was not sent.
  addEventListener("beforeunload", (event) => {
    if (!reporter.lasting && reporter.state !== "sending" && reporter.pendingSeconds >= 1) event.preventDefault();
  });
}
