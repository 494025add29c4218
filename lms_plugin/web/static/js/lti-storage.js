// LTI client side postMessages 1.0: a secret kept by the platform's page, where the browser keeps no cookie of ours.

const PATIENCE_MS = 1500; // a platform that does not answer must not stop anybody

/** Ask the platform's page; null where it has nothing, or no answer came within `patience` (milliseconds). */
const ask = (message, { target, origin }, patience = null) =>
  new Promise((resolve) => {
    const holder = window.parent === window ? window.opener : window.parent;
    let frame = holder;
    try {
      if (target && target !== "_parent") frame = holder.frames[target] ?? holder;
    } catch {
      // The frames of another origin's page may not be named to us.
    }
    if (!frame || !origin) return resolve(null);
    const id = crypto.randomUUID?.() ?? String(Math.random());
    const timer = patience && setTimeout(() => done(null), patience);
    const done = (value) => {
      clearTimeout(timer);
      window.removeEventListener("message", heard);
      resolve(value);
    };
    const heard = ({ data, origin: from }) => {
      if (from === origin && data?.message_id === id && data.subject === `${message.subject}.response`) {
        done(data.error ? null : (data.value ?? null));
      }
    };
    window.addEventListener("message", heard);
    frame.postMessage({ ...message, message_id: id }, origin);
  });

const put = document.querySelector("[data-lti-put]");
if (put) {
  const { key, value, next } = put.dataset;
  await ask({ subject: "lti.put_data", key, value }, put.dataset, PATIENCE_MS);
  window.location.replace(next);
}

// Nothing waits for this one: the form can be used without, and is easier with it however late it comes.
const get = document.querySelector("[data-lti-get]");
if (get) {
  const value = await ask({ subject: "lti.get_data", key: get.dataset.key }, get.dataset);
  if (typeof value === "string") get.elements.proof.value = value;
}
