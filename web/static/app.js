// Turns absolute instants into ages, and says which page was left. Every page works without it.
const { now } = document.currentScript.dataset;
const { lang } = document.documentElement;
const ago = new Intl.RelativeTimeFormat(lang);
const steps = [
  [60, () => now],
  [3600, (seconds) => ago.format(-Math.round(seconds / 60), "minute")],
  [86400, (seconds) => ago.format(-Math.floor(seconds / 3600), "hour")],
];
const whole = new Intl.DateTimeFormat(lang, { dateStyle: "long", timeStyle: "short" });

function age(element) {
  const at = new Date(element.dateTime);
  const seconds = (Date.now() - at) / 1000;
  const step = steps.find(([limit]) => seconds < limit);
  element.title = whole.format(at);
  if (step && seconds > -60) element.textContent = step[1](seconds); // of the future, or older than a day: the date says more
}

const ages = () => document.querySelectorAll("time[data-age]").forEach(age);
ages();
setInterval(ages, 30_000);
document.addEventListener("htmx:after:swap", ages);

const { page, token } = document.body.dataset;
addEventListener("pagehide", () => {
  if (page && token) navigator.sendBeacon("/usage/left", new URLSearchParams({ page, _token: token }));
});
