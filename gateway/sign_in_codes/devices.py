"""What somebody's browser and device are called, in words of ours: what a browser says of itself goes nowhere else."""

from gateway.languages import gettext, gettext_noop

LONGEST = 60  # signs
SOME = gettext_noop("a browser")
BROWSERS = (  # what it says -> what people call it; the first that fits: most say that they are several
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", gettext_noop("{browser} on an iPhone")),
    ("iPad", gettext_noop("{browser} on an iPad")),
    ("Android", gettext_noop("{browser} on Android")),
    ("Windows", gettext_noop("{browser} on Windows")),
    ("Mac OS X", gettext_noop("{browser} on a Mac")),
    ("CrOS", gettext_noop("{browser} on ChromeOS")),
    ("Linux", gettext_noop("{browser} on Linux")),
)


def device_of(user_agent: str) -> str | None:
    """Name a browser and its device, such as "Firefox on Windows", in English. None: neither says anything to us."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), None)
    system = next((name for sign, name in SYSTEMS if sign in user_agent), None)
    return system.format(browser=browser or SOME)[:LONGEST] if system else browser


def say_device(device: str) -> str:
    """Say what `device_of` gave, in the language of whoever reads it: that need not be whoever asked."""
    for _, system in SYSTEMS:
        rest = system.format(browser="")
        if device.endswith(rest):
            browser = device.removesuffix(rest)
            return gettext(system, browser=gettext(browser) if browser == SOME else browser)
    return device
