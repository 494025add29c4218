// What every page needs besides HTML: htmx requests carry the CSRF token, menus close as one expects, a form that was
// sent is not sent again before its answer is there, and files that are too large are told before they are sent.

const tokenOf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = tokenOf();
});

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

/** What is wrong with the files that were chosen; a form that is too large as a whole would be refused unread. */
const faultOfFiles = ({ files, dataset }) => {
  const large = [...files].find(({ size }) => size > Number(dataset.mostBytes));
  const many = files[Number(dataset.mostFiles)];
  if (large) return dataset.tooLarge.replace("{name}", large.name);
  return many ? dataset.tooMany.replace("{name}", many.name) : "";
};

document.addEventListener("change", ({ target }) => {
  if (!target.matches?.("input[type=file][data-most-bytes]")) return;
  target.setCustomValidity(faultOfFiles(target));
  target.reportValidity();
});

const UNANSWERED_MS = 30_000;
const underWay = new Map();

/** Whether sending the form leaves this page, so that sending it again would drop the first answer. */
const leavesPage = (form, button) => {
  const target = button?.getAttribute("formtarget") ?? form.getAttribute("target") ?? "";
  const method = button?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "";
  return method.toLowerCase() === "post" && ["", "_self"].includes(target);
};

const tellSending = () => {
  const says = document.querySelector("[data-sending]");
  const isSeen = [...underWay.values()].some(({ button }) => button);
  if (says) says.textContent = isSeen ? says.dataset.sending : "";
};

const mark = (form, pressed) => {
  // An answer that is a file leaves the page as it is, and nothing tells it when the file is there.
  const button = form.dataset.answer === "file" ? null : pressed;
  underWay.set(form, { button, timer: setTimeout(() => release(form), UNANSWERED_MS) });
  button?.setAttribute("aria-busy", "true");
  tellSending();
};

const release = (form) => {
  const { button, timer } = underWay.get(form);
  underWay.delete(form);
  clearTimeout(timer);
  button?.removeAttribute("aria-busy");
  tellSending();
};

// On the window, behind whatever else listens: a form that a script has taken over does not leave the page. The button
// stays enabled, or its name and value would not be sent.
addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || !leavesPage(form, submitter)) return;
  if (underWay.has(form)) event.preventDefault();
  else mark(form, submitter);
});

addEventListener("pageshow", () => {
  for (const form of [...underWay.keys()]) release(form);
});
