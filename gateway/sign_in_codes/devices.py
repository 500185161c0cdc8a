"""What somebody's browser and device are called, in words of ours: what a browser says of itself goes nowhere else."""

from gateway.languages import gettext, gettext_noop

A_BROWSER = gettext_noop("a browser")
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
    """Name a browser and its device in English, such as "Firefox on Windows". None: neither says anything to us."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), None)
    system = next((name for sign, name in SYSTEMS if sign in user_agent), None)
    return system.format(browser=browser or A_BROWSER) if system else browser


def said(device: str | None) -> str | None:
    """Say what `device_of` named, in the language of whoever reads it."""
    for _, system in SYSTEMS:
        if device and device.endswith(on := system.removeprefix("{browser}")):
            browser = device.removesuffix(on)
            return gettext(system, browser=gettext(A_BROWSER) if browser == A_BROWSER else browser)
    return device
