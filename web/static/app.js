// Turns absolute instants into ages, and says which page was left. Every page works without it.
const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"]];
const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short" });
const whole = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });

function age(element) {
  const at = new Date(element.dateTime);
  const seconds = (Date.now() - at) / 1000;
  const step = steps.find(([limit]) => seconds < limit);
  element.title = whole.format(at);
  if (!step || seconds < 0) return; // older than a day: the date says more
  element.textContent = step[2] === "second" ? "just now" : words.format(-Math.round(seconds / step[1]), step[2]);
}

const ages = () => document.querySelectorAll("time[data-age]").forEach(age);
ages();
setInterval(ages, 30_000);
document.addEventListener("htmx:after:swap", ages);

const { page, token } = document.body.dataset;
addEventListener("pagehide", () => {
  if (page && token) navigator.sendBeacon("/usage/left", new URLSearchParams({ page, _token: token }));
});
