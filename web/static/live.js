// Keeps an open page up to date: hears from the server that something has changed, and lets htmx ask for the page anew.
// What somebody has typed and not sent stays, whatever becomes of the session and of the page around it.
{
  const main = document.getElementById("main");
  const said = document.getElementById("said");
  const { htmx: library, changed } = document.currentScript.dataset; // most visits end before anything changes
  const HIDDEN_FOR = 10_000; // a browser has few connections, and a page that nobody sees needs none
  const LEAVES_WITHIN = 5_000; // to reload while another page is on its way would keep that from coming
  let stream, timer;
  let left = -LEAVES_WITHIN;

  const later = (step) => {
    clearTimeout(timer);
    timer = setTimeout(step, 30_000 * (1 + Math.random()));
  };

  let loading = window.htmx && Promise.resolve();
  const load = () => new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = library;
    script.onload = () => setTimeout(done); // it begins in a moment of its own
    script.onerror = failed;
    document.head.append(script);
  });
  async function look() {
    try {
      await (loading ??= load());
      main.dispatchEvent(new Event("news"));
    } catch {
      loading = undefined;
      later(look);
    }
  }

  function follow() {
    stop();
    if (document.hidden) return;
    stream = new EventSource(`/live?since=${encodeURIComponent(main.dataset.seen)}`);
    stream.addEventListener("changed", look);
    stream.addEventListener("ended", () => {
      stop();
      if (!typed().length) {
        timer = setTimeout(() => location.reload(), left + LEAVES_WITHIN - performance.now());
        return;
      }
      look(); // the answer says what has become of the session
      later(follow);
    });
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return; // it tries again by itself
      look();
      later(follow);
    });
  }

  function stop() {
    clearTimeout(timer);
    stream?.close();
  }

  addEventListener("pageshow", follow);
  addEventListener("pagehide", stop);
  addEventListener("beforeunload", () => { left = performance.now(); });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      timer = setTimeout(stop, HIDDEN_FOR);
    } else if (stream?.readyState === EventSource.OPEN) {
      clearTimeout(timer);
    } else {
      follow();
      if (notice) look();
    }
  });
  addEventListener("focus", () => notice && look()); // somebody may have signed in again in another window

  // What somebody is filling in stays as it is.
  document.addEventListener("input", ({ target }) => target.form?.setAttribute("hx-morph-skip", ""));
  const filled = () => [...main.querySelectorAll("form[hx-morph-skip]")];
  const canSend = document.getElementById("waits"); // who only looks sends nothing
  const typed = () => (canSend ? filled().filter((form) => form.method === "post") : []);

  // One notice, in the form that it is about.
  let notice;
  function tell(name) {
    if (notice?.isConnected && notice.dataset.says === name) return;
    quiet();
    notice = document.getElementById(name).content.firstElementChild.cloneNode(true);
    notice.dataset.says = name;
    const forms = typed();
    const form = forms.find((each) => each.contains(document.activeElement)) ?? forms[0];
    const buttons = form.querySelector(".actions");
    if (buttons) buttons.before(notice);
    else form.append(notice);
  }
  function quiet() {
    notice?.remove();
    notice = undefined;
  }
  function anew(name) {
    if (typed().length) tell(name);
    else location.reload();
  }
  document.addEventListener("submit", (event) => {
    if (notice?.dataset.says !== "elsewhere" || !main.contains(event.target) || event.target.method !== "post") return;
    event.preventDefault(); // it would be refused
    quiet();
    tell("elsewhere");
    notice.scrollIntoView({ block: "center" });
  });

  // The page that comes has a form of its own for each that was filled in: the same id keeps this one in its place.
  const hidden = (form, name) => form.querySelector(`input[type=hidden][name=${name}]`);
  const nameOf = (form) => JSON.stringify([form.getAttribute("action"), form.method,
    ...[...form.querySelectorAll("input[type=hidden]:not([name=_token], [name=nonce])")].map((each) => [each.name, each.value])]);
  let named = 0;
  function keep(page) {
    const coming = [...(page?.querySelectorAll("form") ?? [])];
    const pairs = filled().map((form) => [form, coming.filter((each) => nameOf(each) === nameOf(form))]);
    if (pairs.some(([, same]) => same.length !== 1)) return false;
    for (const [form, [same]] of pairs) {
      same.id = form.id ||= same.id || `kept-${++named}`;
      const token = hidden(form, "_token");
      if (token) token.value = hidden(same, "_token")?.value ?? token.value; // the session may be another one by now
    }
    return true;
  }

  const words = () => {
    const copy = main.cloneNode(true);
    copy.querySelectorAll("time, .stamp, .code").forEach((element) => element.remove());
    return copy.textContent;
  };
  // A form may ask for a piece of its page by itself, which is no news.
  const isPiece = ({ detail }) => (detail?.ctx?.sourceElement ?? main).id !== "main";
  document.addEventListener("htmx:before:response", (event) => {
    const { response, hx } = event.detail.ctx;
    if (hx.refresh !== "true" || !typed().length) return;
    event.preventDefault();
    tell(response.status === 401 ? "signed-out" : "elsewhere");
  });
  let before;
  document.addEventListener("htmx:before:swap", (event) => {
    if (isPiece(event)) return;
    const page = event.detail.tasks.find(({ target }) => target === main)?.fragment;
    if (event.detail.ctx.text.includes('id="main"') && keep(page)) {
      quiet();
      before = words();
      return;
    }
    event.preventDefault(); // no page of ours, or none with the form that somebody is filling in
    anew("waits");
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (isPiece(event) || words() === before) return;
    said.textContent = "";
    setTimeout(() => { said.textContent = changed; }, 100); // or the second time nobody would hear it
  });
  document.addEventListener("htmx:response:error", (event) => {
    if (isPiece(event)) return;
    const { status } = event.detail.ctx.response;
    if (status >= 500 || status === 429) later(look);
    else anew("waits"); // it has moved, or is no longer ours to see
  });
  document.addEventListener("htmx:error", (event) => isPiece(event) || later(look));
}
