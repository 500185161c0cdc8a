// Names whatever on a page could act and is not ours. The argument is a document, for one that was only parsed.
(page) => {
  const ours = (address) => new URL(address, location.origin).origin === location.origin;
  const inHead = (element) => element.parentElement === page.head;
  const asked = (element) =>
    element.matches("form:is([method=post], [role=search]) .field > [name], form.why-form .field > select, fieldset[disabled] > .field > [name]");
  const allowed = {
    script: (element) => inHead(element) && ours(element.getAttribute("src")) && !element.textContent,
    link: inHead,
    meta: inHead,
    title: inHead,
    form: (element) => ours(element.getAttribute("action")),
    svg: (element) => element.matches(".i, .brand > svg"),
    template: (element) => element.parentElement === page.body && notices.has(element.id),
    textarea: asked,
    select: (element) => asked(element) && [...element.children].every((each) => each.localName === "option"),
  };
  const notices = new Set(["signed-out", "elsewhere", "waits"]); // that a page of ours keeps ready
  const inside = [...page.querySelectorAll("template")].flatMap((each) => [...each.content.querySelectorAll("*")]);
  const forbidden = "style,iframe,object,embed,base,applet,frame,frameset,math,noscript,video,audio,img";
  const mail = new Set("a b blockquote br code dd div dl dt em h1 h2 h3 h4 hr i li ol p pre q s span strong sub sup table tbody td tfoot th thead tr u ul".split(" "));
  const found = [];
  for (const element of [...page.querySelectorAll("*"), ...inside]) {
    const name = element.localName;
    if (element.matches(forbidden) || name.includes("-") || (allowed[name] && !allowed[name](element))) found.push(name);
    if (element.closest(".mail > *") && !mail.has(name)) found.push(`${name} in a mail`);
    for (const { name: attribute, value } of element.attributes) {
      const scheme = /^[\0-\x20]*([a-z][\0-\x20a-z0-9+.-]*):/i.exec(value)?.[1].replace(/[\0-\x20]/g, "").toLowerCase();
      if (/^on|^style$|^srcdoc$|^formaction$/.test(attribute)) found.push(`${name}@${attribute}`);
      if (attribute === "autofocus" && !(asked(element) && element.ariaInvalid)) found.push(`${name}@autofocus`);
      if (/href$|^src|^action$/.test(attribute) && scheme && !["http", "https", "mailto", "tel"].includes(scheme)) found.push(`${name}@${attribute}=${value.slice(0, 40)}`);
    }
  }
  return found;
}
