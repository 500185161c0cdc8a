// Turns absolute instants into ages, and says which page was left. Every page works without it.
const steps = [
  [60, () => "just now"],
  [3600, (seconds) => `${Math.round(seconds / 60)} min ago`],
  [7200, () => "1 hour ago"],
  [86400, (seconds) => `${Math.floor(seconds / 3600)} hours ago`],
];
const whole = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });

function age(element) {
  const at = new Date(element.dateTime);
  const seconds = (Date.now() - at) / 1000;
  const step = steps.find(([limit]) => seconds < limit);
  element.title = whole.format(at);
  if (step) element.textContent = step[1](seconds); // older than a day: the date says more
}

const ages = () => document.querySelectorAll("time[data-age]").forEach(age);
ages();
setInterval(ages, 30_000);
document.addEventListener("htmx:after:swap", ages);

const { page, token } = document.body.dataset;
addEventListener("pagehide", () => {
  if (page && token) navigator.sendBeacon("/usage/left", new URLSearchParams({ page, _token: token }));
});
