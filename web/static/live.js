// Keeps an open page up to date: hears from the server that something has changed, and lets htmx ask for the page anew.
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
      timer = setTimeout(() => location.reload(), left + LEAVES_WITHIN - performance.now());
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
    }
  });

  // What somebody is filling in stays as it is.
  document.addEventListener("input", ({ target }) => target.form?.setAttribute("hx-morph-skip", ""));

  const words = () => {
    const copy = main.cloneNode(true);
    copy.querySelectorAll("time, .stamp, .code").forEach((element) => element.remove());
    return copy.textContent;
  };
  // A form may ask for a piece of its page by itself, which is no news.
  const isPiece = ({ detail }) => (detail?.ctx?.sourceElement ?? main).id !== "main";
  let before;
  document.addEventListener("htmx:before:swap", (event) => {
    if (isPiece(event)) return;
    before = words();
    if (event.detail.ctx.text.includes('id="main"')) return;
    event.preventDefault(); // no page of ours
    location.reload();
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
    else location.reload(); // it has moved, or is no longer ours to see
  });
  document.addEventListener("htmx:error", (event) => isPiece(event) || later(look));
}
