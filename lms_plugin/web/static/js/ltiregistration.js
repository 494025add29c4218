// The end of a dynamic registration (LTI Dynamic Registration 1.0, 3.4): the platform is told to close its window.
// The window where it was done tells the page in the platform's frame that opened it, and that one hands it on.

const CLOSE = "org.imsglobal.lti.close";

if (document.querySelector("[data-lti-close]")) {
  const platform = window.opener ?? (window.parent === window ? null : window.parent);
  // It says nothing but that it is over: whoever opened this may hear it.
  platform?.postMessage({ subject: CLOSE }, "*");
} else {
  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.data?.subject !== CLOSE) return;
    (window.opener ?? window.parent).postMessage({ subject: CLOSE }, "*");
  });
}
